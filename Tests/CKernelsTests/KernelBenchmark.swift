// SPDX-License-Identifier: Apache-2.0
import CKernels
import Foundation
import Testing

/// What the environment asks of the benchmark.
private enum BenchmarkRequest {
  static let environment = ProcessInfo.processInfo.environment
  static let isMade = environment["ESPALIER_KERNEL_BENCHMARK"] != nil
  static let level = KernelLevel(
    level: environment["ESPALIER_KERNEL_LEVEL"].flatMap(Int32.init) ?? ck_best_level())
}

/// Prints what each kernel reaches on one thread at the shapes of a small model's training step.
///
/// Run in release with ESPALIER_KERNEL_BENCHMARK=1; ESPALIER_KERNEL_LEVEL picks a level below the best.
@Suite(.serialized, .enabled(if: BenchmarkRequest.isMade))
struct KernelBenchmark {
  static let rows = 1024
  static let width = 384
  static let inner = 1536
  static let vocabulary = 50304

  /// Best of the runs that fit into a fifth of a second, at least three.
  func measure(_ name: String, elements: Int, bytes: Int, _ body: () -> Void) {
    BenchmarkRequest.level.use {
      body()
      let clock = ContinuousClock()
      var best = Duration.seconds(1000)
      let end = clock.now + .milliseconds(200)
      var runs = 0
      while runs < 3 || clock.now < end {
        best = min(best, clock.measure(body))
        runs += 1
      }
      let seconds = best / .seconds(1)
      let line = String(
        format: "%8.1f us  %6.3f ns/element  %6.1f GB/s  ", seconds * 1e6,
        seconds * 1e9 / Double(elements), Double(bytes * elements) / seconds * 1e-9)
      print(line + name)
    }
  }

  @Test func elementwise() {
    for (n, place) in [(4096, "L1"), (Self.rows * Self.inner, "memory")] {
      let a = floats(n, seed: 1, magnitude: 4)
      let b = floats(n, seed: 2)
      let (a16, b16) = (bits(a), bits(b))
      var y = a
      var y16 = a16
      measure("add f32, \(place)", elements: n, bytes: 12) { ck_add_f32(a, b, &y, n) }
      measure("add bf16, \(place)", elements: n, bytes: 6) { ck_add_bf16(a16, b16, &y16, n) }
      measure("cast f32 bf16, \(place)", elements: n, bytes: 6) { ck_cast_f32_bf16(a, &y16, n) }
      measure("cast bf16 f32, \(place)", elements: n, bytes: 6) { ck_cast_bf16_f32(a16, &y, n) }
      var random = ck_random(key0: 1, key1: 2, counter2: 3, counter3: 4)
      measure("dropout f32, \(place)", elements: n, bytes: 8) {
        ck_dropout_f32(a, &y, n, 0.1, &random, 0)
      }
    }
  }

  @Test(arguments: Activation.allCases) func activations(activation: Activation) {
    let kind = activation.rawValue
    for (rows, place) in [(2, "L1"), (Self.rows, "memory")] {
      let D = Self.inner
      let n = rows * D
      let x = floats(n, seed: 1, magnitude: 4)
      let u = floats(n, seed: 3)
      let x16 = bits(x)
      var y = x
      var dy = floats(n, seed: 2)
      var dy16 = bits(dy)
      var y16 = dy16
      var sums = [Float](repeating: 0, count: D)
      var du = u
      measure("\(activation) f32, \(place)", elements: n, bytes: 8) {
        ck_activation_forward_f32(kind, x, &y, n)
      }
      measure("\(activation) bf16, \(place)", elements: n, bytes: 4) {
        ck_activation_forward_bf16(kind, x16, &y16, n)
      }
      measure("\(activation) backward f32, \(place)", elements: n, bytes: 12) {
        ck_activation_backward_f32(kind, x, &dy, &sums, D, 0, rows)
      }
      measure("\(activation) backward bf16, \(place)", elements: n, bytes: 6) {
        ck_activation_backward_bf16(kind, x16, &dy16, &sums, D, 0, rows)
      }
      measure("\(activation) gated f32, \(place)", elements: n, bytes: 12) {
        ck_gated_forward_f32(kind, x, u, D, &y, D, D, 0, rows)
      }
      measure("\(activation) gated backward f32, \(place)", elements: n, bytes: 20) {
        ck_gated_backward_f32(kind, x, u, D, y, D, &dy, &du, D, D, 0, rows)
      }
    }
  }

  @Test func normsAndRotary() {
    for (rows, place) in [(4, "L1"), (Self.rows, "memory")] {
      let D = Self.width
      let n = rows * D
      let x = floats(n, seed: 1)
      let y = floats(n, seed: 2)
      let gain = floats(D, seed: 3)
      let bias = floats(D, seed: 4)
      var sum = x
      var h = x
      var h16 = bits(x)
      var mean = [Float](repeating: 0, count: rows)
      var rstd = mean
      var (dgain, dbias, columns) = (gain, bias, bias)
      for norm in Norm.allCases {
        measure("\(norm) norm f32, \(place)", elements: n, bytes: 16) {
          ck_norm_forward_f32(
            norm.rawValue, x, y, &sum, &h, &mean, &rstd, gain, 0, bias, 1e-5, D, 0, rows)
        }
        measure("\(norm) norm bf16, \(place)", elements: n, bytes: 14) {
          ck_norm_forward_bf16(
            norm.rawValue, x, y, &sum, &h16, &mean, &rstd, gain, 0, bias, 1e-5, D, 0, rows)
        }
        measure("\(norm) norm backward, \(place)", elements: n, bytes: 18) {
          ck_norm_backward(
            norm.rawValue, x, y, mean, rstd, gain, 0, &sum, 1, &h16, &dgain, &dbias, &columns, D,
            0, rows)
        }
      }
      let angles = floats(256 * 32, seed: 5)
      measure("rotary f32, heads of 64, \(place)", elements: n, bytes: 8) {
        ck_rotary_f32(&h, D, D / 64, 64, 64, angles, angles, 256, 0, 0, 0, rows)
      }
      measure("rotary f32, heads of 48, \(place)", elements: n, bytes: 8) {
        ck_rotary_f32(&h, D, D / 48, 48, 48, angles, angles, 256, 0, 0, 0, rows)
      }
      measure("column sum f32, \(place)", elements: n, bytes: 4) {
        ck_column_sum_f32(x, D, &columns, rows, 0, D)
      }
      measure("column sum bf16, \(place)", elements: n, bytes: 2) {
        ck_column_sum_bf16(h16, D, &columns, rows, 0, D)
      }
    }
  }

  @Test func loss() {
    let V = Self.vocabulary
    for rows in [2, 128] {
      let n = rows * V
      let base = floats(n, seed: 1, magnitude: 5)
      let targets = (0..<rows).map { Int32($0 * 7) }
      var losses = [Float](repeating: 0, count: rows)
      var greedy = [UInt8](repeating: 0, count: rows)
      var logits = base
      var gradient = [UInt16](repeating: 0, count: n)
      measure("cross entropy f32, \(rows) rows", elements: n, bytes: 8) {
        ck_cross_entropy_f32(&logits, targets, 1, 1, &losses, V, 0, rows)
      }
      logits = base
      measure("cross entropy bf16, \(rows) rows", elements: n, bytes: 6) {
        ck_cross_entropy_bf16(&logits, &gradient, targets, 1, 1, &losses, V, 0, rows)
      }
      measure("score, \(rows) rows", elements: n, bytes: 4) {
        ck_score(base, targets, 1, &losses, &greedy, V, 0, rows)
      }
    }
  }

  @Test func embeddingAndOptimizer() {
    let D = Self.width
    let n = Self.vocabulary * D
    var table = floats(n, seed: 1)
    let tokens = (0..<Self.rows).map { Int32($0 * 7919 % Self.vocabulary) }
    var x = [Float](repeating: 1, count: Self.rows * D)
    measure("embedding", elements: x.count, bytes: 8) {
      ck_embedding_forward(table, tokens, nil, 256, 0, &x, D, 0, Self.rows)
    }
    measure("embedding backward", elements: x.count, bytes: 12) {
      ck_embedding_backward(x, tokens, &table, Self.rows, D, 0, D)
    }
    let gradient = floats(n, seed: 2)
    var total = 0.0
    for (count, place) in [(4096, "L1"), (n, "memory")] {
      measure("squared norm, \(place)", elements: count, bytes: 4) {
        total += ck_squared_norm(gradient, count)
      }
    }
    #expect(total > 0)
    var first = [Float](repeating: 0, count: n)
    var second = first
    var copy = [UInt16](repeating: 0, count: n)
    var update = KernelTests.OptimizerTests.update
    for (count, place) in [(2048, "L1"), (n, "memory")] {
      measure("AdamW, \(place)", elements: count, bytes: 28) {
        ck_adamw_update(&update, &table, gradient, &first, &second, nil, count)
      }
      measure("AdamW with bf16 copy, \(place)", elements: count, bytes: 30) {
        ck_adamw_update(&update, &table, gradient, &first, &second, &copy, count)
      }
    }
  }
}
