// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import CheckedInput
import Espalier
import Foundation

/// How the grown model is written.
struct GrowthOutputOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The type of the weights, for weights alone; default: as they are.",
      valueName: DType.weightTypes.map(\.rawValue).joined(separator: "|")))
  var dtype: DType?

  @Option(
    help: """
      How numbers are rounded to a smaller type: nearest (default), or stochastic, which keeps them on \
      average and follows from --seed.
      """)
  var rounding: WeightRounding = .nearest

  @OptionGroup var shards: ShardOptions

  @Option(
    help: ArgumentHelp(
      "Write only the tensors whose names fit a pattern (*, ?, […]); may be given several times, for "
        + "weights alone. The result is no whole model.", valueName: "glob"))
  var only: [String] = []

  @Flag(help: "Replace a model that is there already.")
  var overwrite = false

  @Flag(
    help: """
      Go on with a growth that was interrupted: keep the files that it finished, where source and \
      options are the same. Without it they are removed.
      """)
  var resume = false

  @Option(
    parsing: .unconditional,
    help: "Threads that make tensors; default two for each core. The result does not depend on it.")
  var threads: Int?

  func validate() throws {
    if let threads, !(1...1024).contains(threads) {
      throw ValidationError("--threads is \(threads); expected 1 to 1024.")
    }
  }

  /// The library's settings.
  var settings: ModelGrowth.Output {
    ModelGrowth.Output(
      type: dtype, rounding: rounding, maximumShardByteCount: shards.shardSize?.byteCount,
      only: only.isEmpty ? nil : only, overwrites: overwrite, resumes: resume,
      threadCount: threads)
  }
}

/// A number of bytes: `2GB`, `500 MB`, `1.5GiB`, `5e9`.
package struct ByteCountRequest: Hashable, ExpressibleByArgument {
  package var byteCount: Int

  package init?(argument: String) {
    guard let bytes = ByteCountText.byteCount(of: argument), bytes >= 1 else { return nil }
    byteCount = bytes
  }
}

extension WeightRounding: ExpressibleByArgument {}

extension DType: ExpressibleByArgument {
  /// The types that a model's weights may have.
  static let weightTypes: [DType] = [.float32, .bfloat16, .float16, .float64]

  /// The names of those types.
  public static var allValueStrings: [String] { weightTypes.map(\.rawValue) }

  /// Reads the name of a type of weights.
  public init?(argument: String) {
    guard let type = Self.weightTypes.first(where: { $0.rawValue == argument }) else { return nil }
    self = type
  }
}
