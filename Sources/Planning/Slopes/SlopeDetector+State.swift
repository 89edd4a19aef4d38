// SPDX-License-Identifier: Apache-2.0
import CheckedInput
import Documents
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
      do {
        let data = try Document.line(Saved(version: Self.version, detector: self))
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
      let saved = try Document(parsing: Data(state.utf8)).decode(Saved.self)
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
