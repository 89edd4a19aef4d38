// SPDX-License-Identifier: Apache-2.0
import Growth
import OrderedJSON
import Planning

// Stages in the keys of a recipe, which reads them back.

extension StageRecipe {
  /// The stage as a recipe says it.
  var json: JSONValue {
    JSONObject(members: [
      ("model", model?.json), ("until", until?.json(latest: latest)), ("grow", growth?.json),
    ]).value
  }
}

extension StageModel {
  fileprivate var json: JSONValue {
    JSONObject(members: [
      ("layers", layerCount.map { JSONValue($0) }), ("hidden", hiddenSize.map { JSONValue($0) }),
      ("heads", headCount.map { JSONValue($0) }),
      ("keyValueHeads", keyValueHeadCount.map { JSONValue($0) }),
      ("headSize", headSize.map { JSONValue($0) }),
      ("intermediate", intermediateSize.map { JSONValue($0) }),
      ("context", contextLength.map { JSONValue($0) }),
    ]).value
  }
}

extension StageEnd {
  fileprivate func json(latest: StageLimit?) -> JSONValue {
    var members: [(String, JSONValue?)] =
      switch self {
      case .slope(let slope, let method):
        [("slope", slope.json), ("detector", .string(method.rawValue))]
      case .after(let duration): [("after", .string("\(duration)"))]
      case .share(let share): [("share", JSONValue(share))]
      case .loss(let loss): [("loss", JSONValue(loss))]
      }
    members.append(("atLatest", latest.flatMap(\.json)))
    return JSONObject(members: members).value
  }
}

extension StageLimit {
  /// Nil for none, which is what a plan's stage has that says nothing: the default is the recipe's.
  fileprivate var json: JSONValue? {
    switch self {
    case .share(let share): JSONValue(share)
    case .after(let duration): .string("\(duration)")
    case .never: nil
    }
  }
}

extension StageSlope {
  fileprivate var json: JSONValue {
    switch self {
    case .automatic: "auto"
    case .optimality: "optimality"
    case .growth(let growth): .string(growth.rawValue)
    case .value(let slope): JSONValue(slope)
    }
  }
}

extension JSONObject {
  /// The members that have a value, in their order.
  fileprivate init(members: [(String, JSONValue?)]) {
    self.init(members.compactMap { key, value in value.map { Member(key: key, value: $0) } })
  }

  fileprivate var value: JSONValue { .object(self) }
}
