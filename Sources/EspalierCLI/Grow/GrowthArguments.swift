// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Espalier

/// `12`, or a list of source layers and ranges of them: `0-5,2-7`.
package enum LayerRequest: Hashable, ExpressibleByArgument {
  case count(Int)
  case sources([Int])

  package init?(argument: String) {
    if let count = Int(argument) {
      guard count >= 0 else { return nil }
      self = .count(count)
      return
    }
    var sources: [Int] = []
    for part in argument.split(separator: ",", omittingEmptySubsequences: false) {
      let ends = part.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
      guard ends.count <= 2, let first = ends.first ?? nil, let last = ends.last ?? nil,
        first >= 0, first <= last, last < 1 << 16
      else { return nil }
      sources += first...last
      guard sources.count <= 1 << 16 else { return nil }
    }
    self = .sources(sources)
  }
}

/// `16`, or `16:4` with key/value heads.
package struct HeadRequest: Hashable, ExpressibleByArgument {
  package var query: Int
  package var keyValue: Int?

  package init?(argument: String) {
    let parts = argument.split(separator: ":", omittingEmptySubsequences: false).map { Int($0) }
    guard parts.count <= 2, let query = parts.first ?? nil, query > 0 else { return nil }
    self.query = query
    guard parts.count == 2 else { return }
    guard let keyValue = parts[1], keyValue > 0 else { return nil }
    self.keyValue = keyValue
  }
}

/// The forms of `--operator` that speak of the width.
enum WidthForm {
  static let names: [(String, WidthGrowth.Form)] = [
    ("block-diagonal", .blockDiagonal), ("divided", .divided),
  ]
  static var choices: String { names.map(\.0).joined(separator: ", ") }
}

/// The forms of `--operator` that speak of new layers.
enum LayerForm {
  static let names: [(String, DepthGrowth.Block)] = [
    ("identity-by-output", .identityByOutput), ("fresh-identity", .freshIdentity),
    ("identity-by-norm", .identityByNorm), ("copy", .copy), ("fresh", .fresh),
  ]
  static var choices: String { names.map(\.0).joined(separator: ", ") }
}

/// One form that `--operator` names.
enum OperatorRequest: Hashable, ExpressibleByArgument {
  case width(WidthGrowth.Form)
  case layer(DepthGrowth.Block)

  init?(argument: String) {
    if let form = WidthForm.names.first(where: { $0.0 == argument })?.1 {
      self = .width(form)
    } else if let block = LayerForm.names.first(where: { $0.0 == argument })?.1 {
      self = .layer(block)
    } else {
      return nil
    }
  }

  static var allValueStrings: [String] { WidthForm.names.map(\.0) + LayerForm.names.map(\.0) }

  var isWidth: Bool { if case .width = self { true } else { false } }
}

/// Where new layers go.
enum PlacementRequest: String, ExpressibleByArgument, CaseIterable {
  case interleaved, appended, middle

  var placement: DepthGrowth.Placement {
    switch self {
    case .interleaved: .interleaved
    case .appended: .appended
    case .middle: .middle
    }
  }
}

/// What the learning rates after a growth are meant for.
enum LearningRateRequest: String, ExpressibleByArgument, CaseIterable {
  case target
  case smallTrajectory = "small-trajectory"

  var policy: LearningRatePolicy { self == .target ? .target : .smallTrajectory }
}

/// What becomes of the moments.
enum MomentRequest: String, ExpressibleByArgument, CaseIterable {
  case mapped, reset
  case resetNew = "reset-new"
  case diagonal

  static var choices: String { allCases.map(\.rawValue).joined(separator: "|") }

  var policy: MomentPolicy {
    switch self {
    case .mapped: .mapped
    case .reset: .reset
    case .resetNew: .resetNew
    case .diagonal: .diagonal
    }
  }
}

/// `keep`, `auto`, or a ratio of 1 or more.
package enum ScheduleRequest: Hashable, ExpressibleByArgument {
  case keep, auto
  case ratio(Double)

  package init?(argument: String) {
    switch argument {
    case "keep": self = .keep
    case "auto": self = .auto
    default:
      guard let ratio = Double(argument), ratio.isFinite, ratio >= 1 else { return nil }
      self = .ratio(ratio)
    }
  }
}

/// `200 steps`, `1M tokens`.
package struct DurationRequest: Hashable, ExpressibleByArgument {
  package var duration: TrainingDuration

  package init?(argument: String) {
    guard let duration = TrainingDuration(argument), duration.measure != .seconds,
      duration.amount > 0
    else { return nil }
    self.duration = duration
  }
}

extension FeedForwardGrowth.Units: ExpressibleByArgument {}
extension ContextGrowth.Positions: ExpressibleByArgument {}
