// SPDX-License-Identifier: Apache-2.0

/// How numbers are rounded to a type that has fewer digits.
public enum WeightRounding: String, Sendable, Hashable, CaseIterable, Codable {
  /// To the nearest, of two equally near ones to the even.
  case nearest
  /// To one of the two neighbours, to the nearer one with the greater probability: on average numbers
  /// stay what they are. Which one follows from the seed, the tensor's name and the element's number.
  case stochastic
}
