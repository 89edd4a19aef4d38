// SPDX-License-Identifier: Apache-2.0

/// Something about a step that is out of order, on its way to whoever deals with it.
struct Trouble: Error {
  /// What is out of order.
  enum Quantity: String {
    case loss
    case gradientNorm = "gradient norm"
    case validationLoss = "validation loss"
    case weights
  }

  /// What is out of order.
  var quantity: Quantity
  /// Its value.
  var value: Double
  /// The step that was being taken, or after which it was measured.
  var step: Int
  /// The largest loss that would have been in order; nil where the value is not finite.
  var limit: Double?
  /// The parameter concerned; nil for a sum over all.
  var parameter: String?

  init(
    _ quantity: Quantity, _ value: Double, step: Int, limit: Double? = nil,
    parameter: String? = nil
  ) {
    self.quantity = quantity
    self.value = value
    self.step = step
    self.limit = limit
    self.parameter = parameter
  }

  /// Whether it is a finite loss that rose at once.
  var isSpike: Bool { limit != nil }

  /// Whether leaving the batch out mends it.
  var isOfBatch: Bool { quantity == .loss || quantity == .gradientNorm }

  /// What is the matter, for people.
  var description: String {
    let name = parameter.map { "\(quantity.rawValue) of \($0)" } ?? "the \(quantity.rawValue)"
    let verb = quantity == .weights ? "hold" : "is"
    return limit.map { "\(name) is \(value), above \($0), the most that onSpike allows" }
      ?? "\(name) \(verb) \(value)"
  }
}
