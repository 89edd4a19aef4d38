// SPDX-License-Identifier: Apache-2.0
import Espalier
import Foundation
import Testing

/// What becomes of results that cannot be written, and of work whose reader is gone.
@Suite("Output", .serialized)
struct OutputTests {
  @Test(
    "a result that cannot be written fails the command",
    arguments: [
      "families", "families --json", "families qwen2", "train --example", "run --example",
      "--help", "help train", "--version", "inspect recipe.yaml", "inspect recipe.yaml --json",
      "plan --target recipe.yaml", "plan --target recipe.yaml --json",
      "plan pilot --target recipe.yaml -o pilots --dry-run --sizes 2",
      "prepare corpus.txt -o tokens --vocabulary 264",
      "prepare corpus.txt -o tokens --vocabulary 264 --json",
    ])
  func fullDisk(command: String) throws {
    let place = try CommandWorkplace(recipe: .staged)
    let result = try BuiltCommand.shell("espalier \(command) > /dev/full", in: place.url)
    #expect(result.status == 1)
    #expect(
      result.errors.contains("standard output: cannot be written: no space left on device"),
      "\(result.errors)")
    // A closed output is no place either, and no file gets its number.
    let closed = try BuiltCommand.shell(
      "rm -rf tokens; espalier \(command) >&-", in: place.url)
    #expect(closed.status == 1 && closed.errors.contains("standard output: cannot be written"))
  }

  @Test("training goes on without progress, and says that the run is whole")
  func training() throws {
    let place = try CommandWorkplace()
    let stop = "--set 'stop.after=3 steps'"
    let lost = try BuiltCommand.shell(
      "espalier train recipe.yaml -o a \(stop) > /dev/full", in: place.url)
    #expect(lost.status == 1)
    #expect(lost.errors.contains("the run is saved, in a"), "\(lost.errors)")
    #expect(place.stepsSoFar("a") == 3)
    let progress = try BuiltCommand.shell(
      "espalier train recipe.yaml -o b \(stop) --json 2> /dev/full", in: place.url)
    #expect(progress.status == 0)
    #expect(progress.output.contains("\"outcome\""))
    let gone = try BuiltCommand.shell(
      "espalier train recipe.yaml -o c | true; exit ${PIPESTATUS[0]}", in: place.url)
    #expect(gone.status == 0 && gone.errors.isEmpty, "\(gone.errors)")
    #expect(place.stepsSoFar("c") == 40)
  }

  @Test(
    "a reader that had enough ends a command quietly",
    arguments: ["families", "train --example", "--help", "inspect recipe.yaml --json"])
  func head(command: String) throws {
    let place = try CommandWorkplace()
    let result = try BuiltCommand.shell(
      "espalier \(command) | true; exit ${PIPESTATUS[0]}", in: place.url)
    // Ended by SIGPIPE as a shell tells it, or written before the reader went.
    #expect(result.status == 141 || result.status == 0)
    #expect(result.errors.isEmpty)
  }

  @Test("standard input without an end is refused, and so is a device for a file")
  func endlessInput() throws {
    let place = try CommandWorkplace()
    let training = try BuiltCommand.shell(
      "espalier train recipe.yaml -o run --quiet --set 'stop.after=1 steps'", in: place.url)
    #expect(training.status == 0, "\(training.errors)")
    let prompt = try BuiltCommand.shell("espalier generate run < /dev/zero", in: place.url)
    #expect(prompt.status == 1)
    #expect(prompt.errors.contains("standard input: gives more than 16 MiB"), "\(prompt.errors)")
    for option in ["--prompt-file", "--pieces"] {
      let device = try BuiltCommand.shell(
        "espalier generate run \(option) /dev/zero < /dev/null", in: place.url)
      #expect(device.status == 1)
      #expect(device.errors.contains("is a device, not a file"), "\(device.errors)")
    }
  }

  @Test("no control character of a name, an argument or a prompt reaches a terminal")
  func controlCharacters() throws {
    let place = try CommandWorkplace()
    let name = "w\n\u{1B}[2J\u{9B}31m"
    let header =
      #"{"\#("w\\n\\u001b[2J\\u009b31m")":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#
    var file = Data()
    withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { file.append(contentsOf: $0) }
    file += Data(header.utf8) + Data(count: 4)
    try FileManager.default.createDirectory(
      at: place.url.appending(path: "d\n\u{1B}[31m"), withIntermediateDirectories: true)
    try file.write(to: place.url.appending(path: "d\n\u{1B}[31m/x.safetensors"))
    let path = #"$'d\n\e[31m/x.safetensors'"#
    for command in [
      "inspect \(path)", "inspect \(path) --json", "inspect $'\\e[31mnowhere\\nError: x'",
      "train $'\\e]0;x\\a' -o run", "$'\\e[31m'", "generate --seed $'\\e[1m' m",
      "generate m --$'\\e[1m'", "report $'a\\nb\\e[m'",
    ] {
      let result = try BuiltCommand.shell("espalier \(command)", in: place.url)
      let all = result.output + result.errors
      #expect(
        !all.unicodeScalars.contains {
          $0 != "\n" && ($0.value < 0x20 || (0x7F..<0xA0).contains($0.value))
        }, "\(command): \(all)")
      #expect(!all.contains("\nError: x"), "\(all)")
      #expect(!all.contains(name))
    }
  }

  @Test("nothing is coloured where nobody watches")
  func colours() throws {
    let place = try CommandWorkplace()
    let result = try BuiltCommand.shell(
      """
      espalier train recipe.yaml -o run && espalier report run --terminal \
      && espalier inspect run && espalier evaluate run --text corpus.txt \
      && espalier generate run --prompt the --length 3
      """, in: place.url)
    #expect(result.status == 0, "\(result.errors)")
    #expect(!(result.output + result.errors).contains("\u{1B}"))
  }
}
