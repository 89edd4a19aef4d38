// SPDX-License-Identifier: Apache-2.0

/// ‖x − y‖ / ‖y‖ in float64.
package func relativeError(
  _ x: [some BinaryFloatingPoint], _ y: [Double]
) -> Double {
  precondition(x.count == y.count, "\(x.count) against \(y.count) elements")
  var difference = 0.0
  var norm = 0.0
  for (a, b) in zip(x, y) {
    difference += (Double(a) - b) * (Double(a) - b)
    norm += b * b
  }
  return (difference / norm).squareRoot()
}
