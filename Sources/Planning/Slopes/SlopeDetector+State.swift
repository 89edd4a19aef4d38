// SPDX-License-Identifier: Apache-2.0
import CheckedInput
import Foundation
import Wording

extension SlopeDetector {
  private struct Saved: Codable {
    var version: Int
    var detector: SlopeDetector
  }

  private static let version = 1

  /// Everything it keeps, as JSON text of one line; numbers read back bit for bit, so that a run
  /// which goes on from a checkpoint grows at the very same step.
  ///
  /// - Throws: ``PlanningError`` of code `invalidState`, which does not happen to a detector that
  ///   ``observe(flops:loss:)`` alone has changed.
  public var state: String {
    get throws {
      let encoder = JSONEncoder()
      encoder.outputFormatting = .sortedKeys
      do {
        let data = try encoder.encode(Saved(version: Self.version, detector: self))
        return String(decoding: data, as: UTF8.self)
      } catch {
        throw PlanningError(
          .invalidState, "cannot be written: \(reason(of: error))", subject: "slope detector")
      }
    }
  }

  /// Restores a detector.
  ///
  /// - Throws: ``PlanningError`` of code `invalidState` where the text is no detector's.
  public init(state: String) throws {
    do {
      let saved = try JSONDecoder().decode(Saved.self, from: Data(state.utf8))
      guard saved.version == Self.version else {
        throw PlanningError(
          .invalidState, "format \(saved.version); this version reads \(Self.version)",
          subject: "slope detector")
      }
      try saved.detector.configuration.validate()
      self = saved.detector
    } catch let error as PlanningError {
      throw error
    } catch {
      throw PlanningError(
        .invalidState, "is not a detector's state (\(reason(of: error))); start it anew",
        subject: "slope detector")
    }
  }
}
