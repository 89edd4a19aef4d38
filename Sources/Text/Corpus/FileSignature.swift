// SPDX-License-Identifier: Apache-2.0

/// A kind of file that is not text, known by bytes at its beginning.
package struct FileSignature: Sendable {
  /// What errors call it.
  package let name: String
  /// What to do instead; `%` stands for the file.
  package let remedy: String
  private let pattern: [(offset: Int, bytes: [UInt8])]

  /// As many bytes as the longest search looks at.
  package static let byteCount = 512

  /// The kind of a file that begins so; nil where none is known.
  package static func of(_ head: [UInt8]) -> FileSignature? {
    all.first { $0.matches(head) }
  }

  private func matches(_ head: [UInt8]) -> Bool {
    pattern.allSatisfy { offset, bytes in head.dropFirst(offset).starts(with: bytes) }
  }

  private init(_ name: String, _ remedy: String, _ pattern: (Int, [UInt8])...) {
    self.name = name
    self.remedy = remedy
    self.pattern = pattern.map { (offset: $0.0, bytes: $0.1) }
  }

  private static func ascii(_ text: String) -> [UInt8] { Array(text.utf8) }

  private static let all =
    encodings + compressions + tables + documents + pictures + sounds + programs + tensors

  private static let encodings: [FileSignature] = {
    func encoding(_ name: String, _ mark: [UInt8]) -> FileSignature {
      FileSignature(
        "text in \(name)", "convert it: iconv -f \(name) -t UTF-8 % > text.txt", (0, mark))
    }
    // The longer marks first: that of UTF-16 begins that of UTF-32.
    return [
      encoding("UTF-32", [0xff, 0xfe, 0, 0]), encoding("UTF-32", [0, 0, 0xfe, 0xff]),
      encoding("UTF-16", [0xff, 0xfe]), encoding("UTF-16", [0xfe, 0xff]),
    ]
  }()

  private static let compressions: [FileSignature] = {
    func stream(_ name: String, _ command: String, _ magic: [UInt8]) -> FileSignature {
      FileSignature(
        "compressed by \(name)",
        "decompress it: \(command) -dc % > text.txt, or pipe that into standard input (-)",
        (0, magic))
    }
    let unpack = "unpack it, and name the files or the folder"
    return [
      FileSignature(
        "gzip within gzip", "decompress it once: gzip -dc % > text.gz", (0, [0x1f, 0x8b])),
      stream("Zstandard", "zstd", [0x28, 0xb5, 0x2f, 0xfd]),
      stream("xz", "xz", [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]),
      stream("lz4", "lz4", [0x04, 0x22, 0x4d, 0x18]),
      stream("compress", "gzip", [0x1f, 0x9d]),
      // A block's mark, π, or the end's, √π, follows the size.
      FileSignature(
        "compressed by bzip2",
        "decompress it: bzip2 -dc % > text.txt, or pipe that into standard input (-)",
        (0, ascii("BZh")), (4, [0x31, 0x41, 0x59, 0x26])),
      FileSignature(
        "compressed by bzip2", "it is empty; leave it out", (0, ascii("BZh")),
        (4, [0x17, 0x72, 0x45, 0x38])),
      FileSignature("a zip archive, or a file in its form", unpack, (0, ascii("PK") + [3, 4])),
      FileSignature("an empty zip archive", "leave it out", (0, ascii("PK") + [5, 6])),
      FileSignature("a 7-Zip archive", unpack, (0, [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c])),
      FileSignature("a RAR archive", unpack, (0, ascii("Rar!") + [0x1a, 7])),
      FileSignature("a tar archive", unpack, (257, ascii("ustar"))),
      FileSignature("a library archive", "leave it out", (0, ascii("!<arch>\n"))),
    ]
  }()

  private static let tables: [FileSignature] = {
    let lines = "write its texts as JSON lines, each {\"text\": \"…\"}, and name that file"
    return [
      FileSignature("a Parquet file", lines, (0, ascii("PAR1"))),
      FileSignature("an Arrow file", lines, (0, ascii("ARROW1"))),
      FileSignature("a Feather file", lines, (0, ascii("FEA1"))),
      FileSignature("an Avro file", lines, (0, ascii("Obj") + [1])),
      FileSignature("an HDF5 file", lines, (0, [0x89] + ascii("HDF\r\n") + [0x1a, 0x0a])),
      FileSignature("an SQLite database", lines, (0, ascii("SQLite format 3") + [0])),
    ]
  }()

  private static let documents: [FileSignature] = [
    FileSignature("a PDF document", "extract its text: pdftotext %", (0, ascii("%PDF-"))),
    FileSignature(
      "an office document", "save it as text, and name that file",
      (0, [0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1])),
    FileSignature("a DjVu document", "extract its text: djvutxt %", (0, ascii("AT&TFORM"))),
  ]

  private static let pictures: [FileSignature] = [
    FileSignature("a PNG picture", "leave it out", (0, [0x89] + ascii("PNG"))),
    FileSignature("a JPEG picture", "leave it out", (0, [0xff, 0xd8, 0xff])),
    FileSignature("a GIF picture", "leave it out", (0, ascii("GIF8")), (5, ascii("a"))),
    FileSignature("a WebP picture", "leave it out", (0, ascii("RIFF")), (8, ascii("WEBP"))),
    FileSignature("a TIFF picture", "leave it out", (0, ascii("II*") + [0])),
    FileSignature("a TIFF picture", "leave it out", (0, ascii("MM") + [0] + ascii("*"))),
    FileSignature("a picture or video", "leave it out", (4, ascii("ftyp"))),
  ]

  private static let sounds: [FileSignature] = [
    FileSignature("a WAVE sound", "leave it out", (0, ascii("RIFF")), (8, ascii("WAVE"))),
    FileSignature("an Ogg sound", "leave it out", (0, ascii("OggS") + [0])),
    FileSignature("a FLAC sound", "leave it out", (0, ascii("fLaC") + [0])),
    FileSignature("an MP3 sound", "leave it out", (0, ascii("ID3") + [3])),
    FileSignature("an MP3 sound", "leave it out", (0, ascii("ID3") + [4])),
    FileSignature("a Matroska video", "leave it out", (0, [0x1a, 0x45, 0xdf, 0xa3])),
  ]

  private static let programs: [FileSignature] = [
    FileSignature("a program or library (ELF)", "leave it out", (0, [0x7f] + ascii("ELF"))),
    FileSignature("a program or library (Mach-O)", "leave it out", (0, [0xcf, 0xfa, 0xed, 0xfe])),
    FileSignature("a program or library (Mach-O)", "leave it out", (0, [0xce, 0xfa, 0xed, 0xfe])),
    FileSignature("compiled Java or a program", "leave it out", (0, [0xca, 0xfe, 0xba, 0xbe])),
    FileSignature("a program (Windows)", "leave it out", (0, ascii("MZ") + [0x90, 0])),
    FileSignature("a WebAssembly program", "leave it out", (0, [0] + ascii("asm"))),
  ]

  private static let tensors: [FileSignature] = {
    let pickle = { (version: UInt8) in
      FileSignature("a Python pickle", "write its texts as JSON lines", (0, [0x80, version]))
    }
    return [
      // The header's length, of which the upper bytes are 0, and the header.
      FileSignature(
        "a safetensors file", "name texts; models go with other commands",
        (4, [0, 0, 0, 0] + ascii("{\""))),
      FileSignature("a GGUF model", "name texts", (0, ascii("GGUF"))),
      FileSignature("a NumPy array", "write its texts as JSON lines", (0, [0x93] + ascii("NUMPY"))),
    ] + (2...5).map(pickle)
  }()
}
