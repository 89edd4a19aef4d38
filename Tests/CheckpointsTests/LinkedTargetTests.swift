// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Foundation
import Testing

@Suite("Directories behind links") struct LinkedTargetTests {
  private func link(_ url: URL, to target: String) throws {
    try FileManager.default.createSymbolicLink(atPath: url.path, withDestinationPath: target)
  }

  private func target(of link: URL) throws -> String {
    try FileManager.default.destinationOfSymbolicLink(atPath: link.path)
  }

  @Test("what a link leads to is replaced, and the link stays", arguments: ["real", "far/real"])
  func replaced(path: String) throws {
    try withDirectory { directory throws in
      let real = directory.appending(path: path)
      try AtomicDirectoryTests.make(real, holding: "old")
      let (near, link) = (directory.appending(path: "near"), directory.appending(path: "link"))
      try self.link(near, to: path)
      try self.link(link, to: near.path)
      try AtomicDirectory.write(to: link) { try AtomicDirectoryTests.make($0, holding: "new") }
      #expect(try AtomicDirectoryTests.text(real) == "new")
      #expect(try target(of: link) == near.path)
      #expect(try target(of: near) == path)
      // Nothing is left beside either.
      #expect(try names(in: real.deletingLastPathComponent()).filter { $0.hasPrefix(".") } == [])
      #expect(try names(in: directory).filter { $0.hasPrefix(".") } == [])
    }
  }

  @Test("resumable work goes there, too, and its unfinished form lies beside the real place")
  func resumable() throws {
    try withDirectory { directory throws in
      let real = directory.appending(path: "far/real")
      try AtomicDirectoryTests.make(real, holding: "old")
      let link = directory.appending(path: "link")
      try self.link(link, to: "far/real")
      let work = try ResumableDirectory(for: link, identity: "x", resuming: false)
      #expect(work.url.path == directory.appending(path: "far/.partial-real").path)
      #expect(ResumableDirectory.partialURL(of: link).path == work.url.path)
      try AtomicDirectoryTests.make(work.url, holding: "new")
      try work.commit()
      #expect(try AtomicDirectoryTests.text(real) == "new")
      #expect(try target(of: link) == "far/real")
    }
  }

  @Test("a link that leads nowhere yet gets its directory; one in a circle is a failure")
  func dead() throws {
    try withDirectory { directory throws in
      let link = directory.appending(path: "link")
      try self.link(link, to: "later")
      try AtomicDirectory.write(to: link) { try AtomicDirectoryTests.make($0, holding: "new") }
      #expect(try AtomicDirectoryTests.text(directory.appending(path: "later")) == "new")
      #expect(try target(of: link) == "later")
      let circle = directory.appending(path: "circle")
      try self.link(circle, to: "circle")
      #expect(throws: CheckpointsError.self) {
        try AtomicDirectory.write(to: circle) { try AtomicDirectoryTests.make($0, holding: "x") }
      }
      #expect(try target(of: circle) == "circle")
    }
  }
}
