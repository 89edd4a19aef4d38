// SPDX-License-Identifier: Apache-2.0
import CPUEngine
import GoldenModels
import Training
import XLAEngine

/// The engines that must agree with what PyTorch and the interpreter compute.
///
/// XLA is among them where its CPU plugin is installed: `make xla`.
enum TestedEngine: Sendable, CustomStringConvertible {
  case cpu(threads: Int)
  case xla(plugin: String)

  static let xla: [TestedEngine] = InstalledPlugin.path.map { [.xla(plugin: $0)] } ?? []
  /// Each engine once.
  static let all: [TestedEngine] = [.cpu(threads: 2)] + xla
  /// The CPU engine with one thread, too, where sums may go another way.
  static let threaded: [TestedEngine] = [.cpu(threads: 1)] + all

  var description: String {
    switch self {
    case .cpu(let threads): "CPU, \(threads) threads"
    case .xla: "XLA"
    }
  }

  func make() throws -> any TrainingEngine {
    switch self {
    case .cpu(let threads): CPUTrainingEngine(threads: threads)
    case .xla(let plugin): try XLATrainingEngine(plugin: plugin, executables: nil)
    }
  }
}
