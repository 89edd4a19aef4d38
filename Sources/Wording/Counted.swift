// SPDX-License-Identifier: Apache-2.0

/// `1 layer`, `2 layers`: a number of things, for messages.
///
/// - Parameter plural: what several are called; by default the noun with an s.
package func counted(_ count: Int, _ noun: String, plural: String? = nil) -> String {
  "\(count) \(count == 1 ? noun : plural ?? noun + "s")"
}
