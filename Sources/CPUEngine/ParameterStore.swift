// SPDX-License-Identifier: Apache-2.0
import Architectures
import CKernels
import LinearAlgebra
import Tensors
import Training

/// A model's parameters in one piece of memory, and beside them, laid out alike, what training
/// needs: gradients, moments, and the bfloat16 copies that products read.
///
/// Parameters lie in the program's order, each on a 64-byte boundary; so neighbours whose sizes
/// allow it are one larger matrix, which lets one product serve several linear maps.
final class ParameterStore {
  let specs: [ParameterSpec]
  /// Element offset of each parameter.
  let offsets: [Int]
  /// Elements of each parameter.
  let counts: [Int]
  /// Elements in all, padding included.
  let elementCount: Int

  let values: UnsafeMutablePointer<Float>
  let gradients: UnsafeMutablePointer<Float>?
  let copies: UnsafeMutablePointer<ck_bf16>?
  private var memory: [AlignedMemory]
  private var slots: [StateSlot: UnsafeMutablePointer<Float>] = [:]

  /// Bytes of everything.
  var byteCount: Int { memory.reduce(0) { $0 + $1.byteCount } }

  /// - Throws: ``CPUEngineError`` where memory is refused; `TensorsError` where there is too little.
  init(specs: [ParameterSpec], precision: Precision, trains: Bool) throws {
    self.specs = specs
    var offset = 0
    var offsets: [Int] = []
    for spec in specs {
      offsets.append(offset)
      offset += (spec.shape.elementCount + 15) & ~15
    }
    self.offsets = offsets
    counts = specs.map(\.shape.elementCount)
    elementCount = offset

    // All at once: pages that were given but not used yet still count as free. Every optimizer keeps one
    // slot of a parameter at least; whoever knows which one it is has counted the others.
    try MachineMemory.current.check(
      MachineMemory.bytes([offset, (trains ? 12 : 4) + (precision == .bf16 ? 2 : 0)]),
      for: "\(offset) parameters\(trains ? " with their gradients and moments" : "")",
      remedy: "use a smaller model", subject: "memory")
    var memory: [AlignedMemory] = []
    values = try Self.room(Float.self, offset, in: &memory)
    gradients = trains ? try Self.room(Float.self, offset, in: &memory) : nil
    copies = precision == .bf16 ? try Self.room(ck_bf16.self, offset, in: &memory) : nil
    self.memory = memory
    // What most parameters have; another slot is made when one asks for it.
    if trains { for slot in [StateSlot.firstMoment, .secondMoment] { _ = try self.slot(slot) } }
  }

  /// Room for a slot of all parameters, zeros at first.
  ///
  /// Parameters that never use it cost nothing: the system gives memory page by page as it is written.
  func slot(_ slot: StateSlot) throws -> UnsafeMutablePointer<Float> {
    if let known = slots[slot] { return known }
    let made = try Self.room(Float.self, elementCount, in: &memory)
    slots[slot] = made
    return made
  }

  private static func room<Element>(
    _ type: Element.Type, _ count: Int, in memory: inout [AlignedMemory]
  ) throws -> UnsafeMutablePointer<Element> {
    let room = try AlignedMemory(byteCount: count * MemoryLayout<Element>.stride)
    memory.append(room)
    return room.base.bindMemory(to: type, capacity: count)
  }

  /// The parameter as products read it.
  func operand(_ parameter: Int) -> UnsafeRawPointer {
    if let copies { return UnsafeRawPointer(copies + offsets[parameter]) }
    return UnsafeRawPointer(values + offsets[parameter])
  }

  /// The float32 parameter.
  func value(_ parameter: Int) -> UnsafePointer<Float> {
    UnsafePointer(values + offsets[parameter])
  }

  /// The parameter's gradient.
  func gradient(_ parameter: Int) -> UnsafeMutablePointer<Float> {
    guard let gradients else { preconditionFailure("a store without gradients") }
    return gradients + offsets[parameter]
  }

  /// Whether the second parameter begins where the first ends.
  func areAdjacent(_ first: Int, _ second: Int) -> Bool {
    offsets[first] + counts[first] == offsets[second]
  }

  /// Copies one parameter in, after checking its shape and type.
  func load(_ tensor: HostTensor, into target: UnsafeMutablePointer<Float>, parameter: Int) throws {
    let spec = specs[parameter]
    guard tensor.shape == spec.shape, tensor.dtype == .float32 else {
      throw CPUEngineError(
        .invalidParameters,
        "is \(tensor.dtype) \(tensor.shape); the program wants float32 \(spec.shape)",
        subject: spec.name)
    }
    tensor.withUnsafeBytes {
      guard let base = $0.baseAddress else { return }
      UnsafeMutableRawPointer(target + offsets[parameter]).copyMemory(
        from: base, byteCount: $0.count)
    }
  }

  /// A copy of one parameter's part of the values, gradients or moments.
  func tensor(_ source: UnsafePointer<Float>, parameter: Int) -> HostTensor {
    var tensor = HostTensor(zeros: specs[parameter].shape)
    tensor.withUnsafeMutableBytes {
      guard let base = $0.baseAddress else { return }
      base.copyMemory(from: source + offsets[parameter], byteCount: $0.count)
    }
    return tensor
  }

  /// Rounds all parameters to the copies that products read.
  func refreshCopies(_ team: ThreadTeam) {
    guard let copies else { return }
    team.split(elementCount) { range, _ in
      ck_cast_f32_bf16(values + range.lowerBound, copies + range.lowerBound, range.count)
    }
  }
}
