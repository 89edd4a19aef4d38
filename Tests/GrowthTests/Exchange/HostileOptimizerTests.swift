// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Foundation
import Growth
import Tensors
import Testing
import Training

/// Files that are no optimizer's state, or a damaged one: errors that say what and where.
@Suite("Hostile optimizer states") struct HostileOptimizerTests {
  private static let golden = ExchangeGolden(name: "gpt2")
  private static let name = "transformer.h.1.mlp.c_fc.weight"

  /// The error of an import; nil for none.
  private func failure(_ file: URL, in folder: TestFolder) -> String? {
    do {
      try TrainingImport(of: Self.golden.url, optimizer: file).write(to: folder["ours"])
      return nil
    } catch {
      let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.url.path)) ?? []
      #expect(!names.contains("ours") && !names.contains(".partial-ours"), "\(names)")
      return "\(error)"
    }
  }

  private func expect(
    _ expected: [String], adding: [(String, HostTensor)] = [],
    tensors: (String, HostTensor) throws -> HostTensor? = { $1 },
    json: (String) -> String? = { $0 },
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let folder = TestFolder()
    let file = folder.file("adamw.safetensors")
    try Self.golden.changed(to: file, tensors: tensors, adding: adding, json: json)
    let message = failure(file, in: folder) ?? "nothing"
    for text in expected + ["adamw.safetensors"] {
      #expect(message.contains(text), "\(message)", sourceLocation: sourceLocation)
    }
  }

  @Test("tensors that are missing", arguments: ["exp_avg.", "exp_avg_sq.", "step."])
  func missing(_ prefix: String) throws {
    let name = prefix + Self.name
    try expect(["missing tensors: \(name)"]) { $0 == name ? nil : $1 }
  }

  @Test("tensors that belong to nothing")
  func unexpected() throws {
    let scalar = HostTensor([0], shape: [])
    try expect(
      ["unexpected tensors: max_exp_avg_sq.a, step.b"],
      adding: [
        ("max_exp_avg_sq.a", scalar), ("step.b", scalar),
      ])
  }

  @Test("tensors of other shapes and types")
  func misshaped() throws {
    try expect(["exp_avg.\(Self.name) is F32 [32, 8], expected F32 [8, 32]"]) {
      $0 == "exp_avg.\(Self.name)" ? HostTensor($1.floats, shape: [32, 8]) : $1
    }
    try expect(["exp_avg_sq.\(Self.name) is BF16 [8, 32], expected F32 [8, 32]"]) {
      $0 == "exp_avg_sq.\(Self.name)" ? try $1.converted(to: .bfloat16) : $1
    }
    try expect(["step.\(Self.name) is F32 [2], expected F32 []"]) {
      $0 == "step.\(Self.name)" ? HostTensor([3, 3], shape: [2]) : $1
    }
  }

  @Test("moments that are no numbers", arguments: [Float.nan, .infinity, -.infinity])
  func notFinite(_ value: Float) throws {
    for key in ["exp_avg.", "exp_avg_sq."] {
      try expect(["\(key)\(Self.name)", "holds \(value) at [3, 4]", "expected finite"]) {
        $0 == key + Self.name ? $1.replacing(3 * 32 + 4, with: value) : $1
      }
    }
  }

  @Test("mean squares below zero; minus zero is zero")
  func negative() throws {
    try expect(["exp_avg_sq.\(Self.name)", "holds -1e-30 at [0, 7]", "mean of squares"]) {
      $0 == "exp_avg_sq.\(Self.name)" ? $1.replacing(7, with: -1e-30) : $1
    }
    let folder = TestFolder()
    let file = folder.file("adamw.safetensors")
    try Self.golden.changed(to: file) {
      $0 == "exp_avg_sq.\(Self.name)" ? $1.replacing(7, with: -0.0) : $1
    }
    #expect(failure(file, in: folder) == nil)
  }

  @Test("steps that are none, or disagree")
  func steps() throws {
    for (value, expected) in [
      (Float(7), "is 7, and the settings say 3"), (2.5, "is 2.5, which is no count"),
      (-1, "is -1.0, which is no count"), (.nan, "is nan, which"), (.infinity, "is inf, which"),
      (0x1p25, "is 33554432.0, which is no count"), (1e38, "is 9.99"),
    ] {
      try expect(["step.\(Self.name) \(expected)"]) {
        $0 == "step.\(Self.name)" ? HostTensor([value], shape: []) : $1
      }
    }
  }

  @Test("no settings, and no safetensors file at all")
  func others() throws {
    try expect(["has no remark “adamw”"], json: { _ in nil })
    let folder = TestFolder()
    for (start, expected) in [
      ("PK\u{3}\u{4}" + String(repeating: "x", count: 30), "is a pickle"),
      ("", "too short"), ("{\"a\": 1, \"b\": 2, \"c\": 3}", "safetensors"),
    ] {
      let file = folder.file("other.pt")
      try Data(start.utf8).write(to: file)
      #expect(failure(file, in: folder)?.contains(expected) == true)
    }
    try Data([0x80, 2] + Array(repeating: 0x63, count: 30)).write(to: folder.file("old.pt"))
    #expect(failure(folder.file("old.pt"), in: folder)?.contains("is a pickle") == true)
    #expect(failure(folder.file("nowhere"), in: folder)?.contains("nowhere") == true)
    #expect(failure(folder.url, in: folder) != nil)
  }

  @Test(
    "every cut of a file, and bytes that are changed, give an error or a state, and never a trap")
  func cuts() throws {
    let folder = TestFolder()
    let whole = try Data(contentsOf: Self.golden.optimizer)
    let file = folder.file("cut.safetensors")
    for length in stride(from: 0, to: whole.count, by: 997) {
      try whole.prefix(length).write(to: file)
      #expect(failure(file, in: folder) != nil)
    }
    var state: UInt64 = 9
    for _ in 0..<200 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      var damaged = whole
      // The header and the settings in it.
      damaged[Int(state >> 33) % 9000] ^= UInt8(1 << (state >> 28 & 7))
      try damaged.write(to: file)
      _ = try? TrainingImport(of: Self.golden.url, optimizer: file)
    }
  }
}
