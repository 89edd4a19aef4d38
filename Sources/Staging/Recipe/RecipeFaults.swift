// SPDX-License-Identifier: Apache-2.0

/// The mistakes found while a recipe is decoded, so that its writer hears of all of them at once.
///
/// A value that is wrong is noted and read as some right one, and decoding goes on. Whatever is then
/// found amiss between values counts only where all of them were right.
final class RecipeFaults {
  /// More mistakes than anybody mends in one go; decoding ends there.
  static let most = 50

  private(set) var errors: [StagingError] = []
  private var subjects: Set<String> = []

  /// Thrown to leave a part whose mistakes are noted already.
  struct Noted: Error {}

  /// Notes a mistake; of one place only the first.
  ///
  /// - Throws: ``Noted`` where there are too many to go on.
  func note(_ error: StagingError) throws {
    guard subjects.insert(error.subject).inserted else { return }
    errors.append(error)
    if errors.count >= Self.most { throw Noted() }
  }

  /// Decodes a part.
  ///
  /// - Returns: nil where it cannot be had; the mistakes are noted then.
  func attempt<Part>(_ body: () throws -> Part) throws -> Part? {
    let before = errors.count
    do {
      return try body()
    } catch let error as StagingError {
      // After a mistake, what does not fit may be the value that stands in for the wrong one.
      if errors.count == before { try note(error) }
    } catch is Noted {
      if errors.count >= Self.most { throw Noted() }
    }
    return nil
  }

  /// Throws what was noted, if anything: one mistake as it is, several as a list by lines.
  ///
  /// - Parameter name: the recipe's file.
  func check(_ name: String) throws {
    guard let first = errors.first else { return }
    guard errors.count > 1 else { throw first }
    let sorted = errors.enumerated().sorted { left, right in
      (line(of: left.element, name), left.offset) < (line(of: right.element, name), right.offset)
    }
    let count = errors.count < Self.most ? "\(errors.count)" : "the first \(errors.count)"
    throw StagingError(
      .severalMistakes,
      "\(count) mistakes:\n" + sorted.map { "  \($0.element)" }.joined(separator: "\n"),
      subject: name)
  }

  /// The line in an error's subject; beyond all of them for an override.
  private func line(of error: StagingError, _ name: String) -> Int {
    guard error.subject.hasPrefix("\(name):") else { return .max }
    return Int(error.subject.dropFirst(name.count + 1).prefix(while: \.isNumber)) ?? .max
  }
}
