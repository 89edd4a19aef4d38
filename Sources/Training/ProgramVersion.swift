// SPDX-License-Identifier: Apache-2.0

/// The version of this program, as receipts and `espalier --version` say it.
public enum ProgramVersion {
  /// The version.
  public static let current = "0.1.0-dev"
}
