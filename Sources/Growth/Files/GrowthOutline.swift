// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Foundation
import Tensors
import Training

/// What a growth would write, and what that would take.
public struct GrowthOutline: Sendable, Hashable {
  /// One tensor.
  public struct Tensor: Sendable, Hashable, Codable {
    /// Its name in the file.
    public var name: String
    /// The tensor it comes from; nil where all entries are new.
    public var source: String?
    /// That tensor's shape.
    public var sourceShape: [Int]?
    /// That tensor's type as the file names it.
    public var sourceType: String?
    /// The shape.
    public var shape: [Int]
    /// The type as the file will name it.
    public var type: String
    /// What is done to it, for people.
    public var operation: String
  }

  /// The tensors, in the order of the files.
  public var tensors: [Tensor]
  /// The files with tensors.
  public var files: [String]
  /// Their bytes.
  public var byteCount: Int
  /// Bytes of memory that writing takes at most.
  public var memoryByteCount: Int
}

extension ModelGrowth {
  /// What would be written; reads nothing but headers.
  ///
  /// - Throws: as ``write(to:_:observe:)`` before it writes.
  public func outline(_ output: Output = Output()) throws -> GrowthOutline {
    try check(output)
    let files = try GrowthFiles(self, output)
    let entries = files.layouts.flatMap(\.shards).flatMap(\.header.entriesInFileOrder)
    return GrowthOutline(
      tensors: entries.compactMap { entry in
        files.tensors[entry.name].map { tensor in
          let source = files.places.location(of: tensor.chain)?.entry
          return GrowthOutline.Tensor(
            name: entry.name, source: source?.name, sourceShape: source?.shape.extents,
            sourceType: source?.dtypeName, shape: entry.shape.extents,
            type: entry.dtypeName, operation: files.summary(of: tensor))
        }
      },
      files: files.layouts.flatMap(\.shards).map(\.name), byteCount: files.byteCount,
      memoryByteCount: memoryByteCount(of: files, output))
  }

  /// Bytes of memory that writing the growth takes at most; hardly more for larger models.
  public func memoryByteCount(_ output: Output = Output()) throws -> Int {
    memoryByteCount(of: try GrowthFiles(self, output), output)
  }

  private func memoryByteCount(of files: GrowthFiles, _ output: Output) -> Int {
    // The program itself, and what workers hold beside their blocks.
    let program = 96 << 20
    return program
      + ShardPipeline.memoryByteCount(files.layouts, output.pipelineConfiguration)
  }

  /// Seconds that making and hashing takes on all cores, by a sample; writing and syncing aside.
  public func estimatedSeconds(_ output: Output = Output()) throws -> Double {
    let files = try GrowthFiles(self, output)
    let maker = try files.executor(
      rounding: output.rounding, threadCount: output.threadCount
    ).blockMaker()
    let entries = files.layouts.flatMap(\.shards).flatMap(\.header.entriesInFileOrder)
      .filter { $0.byteCount > 0 }.sorted { $0.byteCount > $1.byteCount }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4096)
    defer { buffer.deallocate() }
    var (bytes, seconds) = (0, 0.0)
    for entry in entries {
      let row = entry.rowByteCount
      let rows = min(entry.byteCount / row, buffer.count / row)
      guard rows > 0 else { continue }
      let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<(rows * row)])
      // The first row pays for what is measured of the whole tensor.
      try maker(entry, 0..<row, UnsafeMutableRawBufferPointer(rebasing: buffer[..<row]))
      let start = ContinuousClock.now
      try maker(entry, 0..<part.count, part)
      _ = FileDigest(of: Data(part))
      seconds += (ContinuousClock.now - start) / .seconds(1)
      bytes += part.count
      if seconds > 0.2 { break }
    }
    let all = ProcessInfo.processInfo.activeProcessorCount
    let cores = Double(min(all, output.threadCount ?? all))
    return bytes == 0 ? 0 : seconds / Double(bytes) * Double(files.byteCount) / cores
  }
}

extension GrowthPath {
  /// What is done to a tensor, on half a line.
  func summary(of chain: GrowthChain) -> String {
    let steps = chain.steps.map { growth($0).summary(of: chain.part) }
    return steps.isEmpty ? "as it is" : steps.joined(separator: ", then ")
  }
}

extension TensorGrowth {
  /// What is done, on half a line.
  fileprivate func summary(of part: StatePart) -> String {
    guard source != nil else {
      switch target.initializer {
      case .zeros: return "new: zeros"
      case .ones: return "new: ones"
      case .constant(let value): return "new: \(Float(value))"
      case .normal(let deviation): return "new: Gaussian, σ \(Float(deviation))"
      }
    }
    var parts: [String] = []
    var factor = part == .value ? valueScale : gradientScale
    for (number, axis) in axes.enumerated() {
      let factors = axis.factors(of: part)
      if factors.count == 1 { factor *= factors[0] }
      let text = axis.summary(factors.count > 1 ? factors : [])
      if !text.isEmpty { parts.append((axes.count > 1 ? "axis \(number) " : "") + text) }
    }
    if part == .value, pattern == .blockDiagonal { parts.append("block-diagonal") }
    if factor != 1 { parts.append("× \(Float(factor))" + (part.power == 2 ? "²" : "")) }
    if part == .value, let noise { parts.append("noise at \(Float(noise.signalToNoise)) dB") }
    return parts.isEmpty ? "copied" : parts.joined(separator: ", ")
  }
}

extension AxisMap {
  /// The different factors of all runs.
  fileprivate func factors(of part: StatePart) -> [Double] {
    Set(runs.map { part == .value ? $0.value : $0.gradient }).sorted()
  }

  /// Where the indices come from, on half a line; empty where all stay.
  fileprivate func summary(_ factors: [Double]) -> String {
    var (kept, copied, means, mixed, zeros, new) = (0, 0, 0, 0, 0, 0)
    for run in runs {
      switch run.source {
      case .indices: if run.copy == 0 { kept += run.count } else { copied += run.count }
      case .mean: means += run.count
      case .blend: mixed += run.count
      case .zero: zeros += run.count
      case .new: new += run.count
      }
    }
    let counts = [
      (copied, "copies"), (means, "means"), (mixed, "mixtures"), (zeros, "zeros"), (new, "new"),
    ].filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
    var text = counts.isEmpty ? "" : "\(kept) + " + counts.joined(separator: " + ")
    if !factors.isEmpty {
      text +=
        (text.isEmpty ? "× " : ", × ")
        + factors.prefix(4).map { "\(Float($0))" }.joined(separator: "|")
    }
    return text
  }
}
