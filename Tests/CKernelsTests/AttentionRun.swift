// SPDX-License-Identifier: Apache-2.0
import CKernels
import Testing

/// Inputs of one attention problem, and the kernels' results with fences around everything written.
///
/// What no kernel may read is NaN: the padding, the queries before the first, the workspace.
struct AttentionRun {
  let shape: AttentionShape
  var x: [Float]
  var dout: [Float]

  /// What stands where no kernel may write.
  static let fence: Float = 123

  init(_ shape: AttentionShape, seed: Int, magnitude: Float = 1.5) {
    self.shape = shape
    x = floats(shape.inputCount, seed: seed, magnitude: magnitude)
    dout = floats(shape.outputCount, seed: seed + 1)
    // Exact in bfloat16, so that one reference serves both types.
    x = widened(bits(x))
    dout = widened(bits(dout))
  }

  /// The inputs with NaN in what does not belong to them.
  private func fenced(_ values: [Float], width: Int) -> [Float] {
    var values = values
    for i in values.indices where i % width >= width - shape.padding { values[i] = .nan }
    if width == shape.inputWidth {
      for row in 0..<shape.offset {
        for c in 0..<shape.group * shape.headSize { values[row * width + c] = .nan }
      }
    }
    return values
  }

  var fencedInput: [Float] { fenced(x, width: shape.inputWidth) }
  var fencedOutputGradient: [Float] { fenced(dout, width: shape.outputWidth) }

  /// out [queryRows, outputWidth] and lse [group, queryRows] in float32.
  func forward() -> (out: [Float], lse: [Float]) {
    var out = [Float](repeating: Self.fence, count: shape.outputCount)
    let lse = forward(fencedInput, into: &out, bfloat16: false, ck_attention_forward_f32)
    return (out, lse)
  }

  /// The same in bfloat16.
  func forwardInBFloat16() -> (out: [Float], lse: [Float]) {
    var out = bits([Float](repeating: Self.fence, count: shape.outputCount))
    let lse = forward(bits(fencedInput), into: &out, bfloat16: true, ck_attention_forward_bf16)
    return (widened(out), lse)
  }

  /// The gradient of x, from what the forward kernel left.
  func backward() -> [Float] {
    let (out, lse) = forward()
    var dx = [Float](repeating: Self.fence, count: shape.inputCount)
    backward(
      fencedInput, fenced(out, width: shape.outputWidth), lse, fencedOutputGradient, into: &dx,
      bfloat16: false, ck_attention_backward_f32)
    return dx
  }

  /// The same in bfloat16.
  func backwardInBFloat16() -> [Float] {
    let (out, lse) = forwardInBFloat16()
    var dx = bits([Float](repeating: Self.fence, count: shape.inputCount))
    backward(
      bits(fencedInput), bits(fenced(out, width: shape.outputWidth)), lse,
      bits(fencedOutputGradient), into: &dx, bfloat16: true, ck_attention_backward_bf16)
    return widened(dx)
  }

  private typealias Forward<Element> = (
    UnsafePointer<ck_attention>, UnsafePointer<Element>, UnsafePointer<Element>,
    UnsafePointer<Element>, UnsafeMutablePointer<Element>, UnsafeMutablePointer<Float>, UInt64,
    UnsafeMutableRawPointer
  ) -> Void

  private func forward<Element>(
    _ x: [Element], into out: inout [Element], bfloat16: Bool, _ kernel: Forward<Element>
  ) -> [Float] {
    var kernelShape = shape.kernelShape
    var lse = [Float](repeating: Self.fence, count: shape.group * shape.queryRows + 1)
    for head in 0..<shape.group {
      withWorkspace(backward: false, bfloat16: bfloat16) { workspace in
        x.withUnsafeBufferPointer { x in
          out.withUnsafeMutableBufferPointer { out in
            lse.withUnsafeMutableBufferPointer { lse in
              guard let x = x.baseAddress, let out = out.baseAddress, let lse = lse.baseAddress
              else { return }
              kernel(
                &kernelShape, x + shape.query(head, 0), x + shape.key(0), x + shape.value(0),
                out + shape.output(head, 0), lse + head * shape.queryRows,
                UInt64(shape.firstHead + head), workspace)
            }
          }
        }
      }
    }
    #expect(lse.removeLast() == Self.fence, "\(shape): overrun of the logarithms")
    return lse
  }

  private typealias Backward<Element> = (
    UnsafePointer<ck_attention>, UnsafePointer<Element>, UnsafePointer<Element>,
    UnsafePointer<Element>, UnsafePointer<Element>, UnsafePointer<Float>, UnsafePointer<Element>,
    UnsafeMutablePointer<Element>, UnsafeMutablePointer<Element>, UnsafeMutablePointer<Element>,
    UInt64, UnsafeMutableRawPointer
  ) -> Void

  private func backward<Element>(
    _ x: [Element], _ out: [Element], _ lse: [Float], _ dout: [Element],
    into dx: inout [Element], bfloat16: Bool, _ kernel: Backward<Element>
  ) {
    var kernelShape = shape.kernelShape
    withWorkspace(backward: true, bfloat16: bfloat16) { workspace in
      x.withUnsafeBufferPointer { x in
        dx.withUnsafeMutableBufferPointer { dx in
          guard let x = x.baseAddress, let dx = dx.baseAddress else { return }
          kernel(
            &kernelShape, x + shape.query(0, 0), x + shape.key(0), x + shape.value(0), out, lse,
            dout, dx + shape.query(0, 0), dx + shape.key(0), dx + shape.value(0),
            UInt64(shape.firstHead), workspace)
        }
      }
    }
  }

  /// A workspace of NaNs, exactly as long as asked for, with fences on both sides.
  private func withWorkspace(
    backward: Bool, bfloat16: Bool, _ body: (UnsafeMutableRawPointer) -> Void
  ) {
    var kernelShape = shape.kernelShape
    let count = ck_attention_workspace(&kernelShape, backward ? 1 : 0, bfloat16 ? 1 : 0)
    let margin = 256
    let memory = UnsafeMutableRawBufferPointer.allocate(
      byteCount: count + 2 * margin, alignment: 64)
    defer { memory.deallocate() }
    memory.initializeMemory(as: UInt8.self, repeating: 0xA5)
    guard let start = memory.baseAddress.map({ $0 + margin }) else { return }
    UnsafeMutableRawBufferPointer(start: start, count: count)
      .initializeMemory(as: UInt8.self, repeating: 0xFF)
    body(start)
    let fences = [memory[..<margin], memory[(margin + count)...]]
    #expect(
      fences.allSatisfy { $0.allSatisfy { $0 == 0xA5 } }, "\(shape): overrun of the workspace")
  }
}

/// Which columns of the fused input a comparison looks at.
enum AttentionPart: String, CaseIterable {
  case query, key, value, padding

  func contains(_ index: Int, _ shape: AttentionShape) -> Bool {
    let (row, column) = (index / shape.inputWidth, index % shape.inputWidth)
    switch column {
    case ..<(shape.group * shape.headSize): return self == (row < shape.offset ? .padding : .query)
    case ..<((shape.group + 1) * shape.headSize): return self == .key
    case ..<((shape.group + 2) * shape.headSize): return self == .value
    default: return self == .padding
    }
  }
}

/// ‖actual − expected‖ / max(‖expected‖, √count · `least`).
func relativeError(_ actual: [Float], _ expected: [Double], least: Double = 0) -> Double {
  var (difference, norm) = (0.0, 0.0)
  for (a, e) in zip(actual, expected) {
    difference += (Double(a) - e) * (Double(a) - e)
    norm += e * e
  }
  let floor = Double(expected.count).squareRoot() * least
  return difference == 0 ? 0 : difference.squareRoot() / max(norm.squareRoot(), floor)
}
