// SPDX-License-Identifier: Apache-2.0
import CheckedInput
import Checkpoints
import Documents
import Foundation
import OrderedJSON
import Planning
import Wording

extension RunPlan {
  /// The version that this library writes, and the only one that it reads.
  public static let formatVersion = 1
  /// Plans have some kilobytes.
  private static let largestFile = 16 << 20

  /// The file's bytes: stages in the keys of a recipe, every setting written out, since another
  /// version's defaults must not change a run.
  public func encoded() throws -> Data {
    var object = JSONObject()
    object["formatVersion"] = JSONValue(Self.formatVersion)
    object["origin"] = .string(origin.rawValue)
    object["stages"] = .array(stages.map(\.json))
    object["notes"] = .array(notes.map { .string($0) })
    if let plan {
      object["plan"] = try Document(of: plan).value.sorted()
    }
    return Data(JSONValue.object(object).encoded(.indented) + [UInt8(ascii: "\n")])
  }

  /// Writes the file, whole or not at all.
  func write(to file: URL) throws { try OutputFile.replace(file, with: encoded()) }

  /// Reads a run's file.
  ///
  /// - Throws: ``StagingError`` of code `runUnavailable` where it is missing, damaged or of another
  ///   version.
  public init(reading file: URL) throws {
    let path = file.path(percentEncoded: false)
    let data: Data
    do { data = try RegularFile.contents(of: path, atMost: Self.largestFile) } catch {
      throw StagingError(
        .runUnavailable,
        "\(error.message); a run of stages keeps them there and cannot go on without", subject: path
      )
    }
    try self.init(data, name: path)
  }

  /// Reads the file's bytes.
  ///
  /// - Parameter name: the file, for messages.
  /// - Throws: as ``init(reading:)``.
  public init(_ data: Data, name: String) throws {
    do {
      let document: Document
      do { document = try Document(parsing: data) } catch {
        throw error.placed(in: data, file: name)
      }
      let fields: (origin: Origin, notes: [String])
      do {
        try document.check(version: Self.formatVersion...Self.formatVersion)
        fields = try Self.fields(document)
      } catch let error as DocumentError {
        throw error.placed(in: data, file: name)
      }
      self.init(
        origin: fields.origin, stages: try Self.stages(in: data, name: name),
        plan: try document.value["plan"].map {
          try StagePlan(Document($0), at: DocumentPath.root.appending("plan"), in: data, name: name)
        },
        notes: fields.notes)
    } catch let error as any EspalierError {
      let isNewer = (error as? DocumentError)?.code == .unsupportedVersion
      throw StagingError(
        .runUnavailable, error.message, subject: error.subject,
        remedy: isNewer
          ? "update the program" : "the run wrote this file when it began; put it back as it was")
    } catch {
      throw StagingError(.runUnavailable, reason(of: error), subject: name)
    }
  }

  private static func fields(_ document: Document) throws -> (Origin, [String]) {
    struct Fields: FieldCoded {
      var origin: Origin
      var notes: [String]

      init(_ fields: FieldCoder, of old: Fields?) throws {
        origin = try fields.required("origin", old?.origin)
        notes = try fields.optional("notes", old?.notes) ?? []
      }
    }
    let fields: Fields = try document.decode()
    let path = DocumentPath.root.appending("stages")
    switch document.value["stages"] {
    case .array(let stages)? where !stages.isEmpty: return (fields.origin, fields.notes)
    case let value?: throw DocumentError(value, at: path, expected: "a list of stages")
    case nil: throw DocumentError(missing: path, expected: "a list of stages")
    }
  }

  /// Stages in the keys of a recipe, of which JSON is a part.
  ///
  /// The rest of the file, which need be no YAML, is left out; lines stay where they are.
  private static func stages(in data: Data, name: String) throws -> [StageRecipe] {
    let lines = DocumentLines(data)
    guard let place = lines.extent(of: "stages") else { return [] }
    let text =
      String(repeating: "\n", count: max(0, lines.line(of: "stages") - 1))
      + "{\"stages\": " + String(decoding: [UInt8](data)[place], as: UTF8.self) + "}"
    return try RecipeDocument(yaml: text, name: name).decode { root in
      try StageRecipe.list(root.mapping(keys: ["stages"]).required("stages", "a list of stages"))
    }
  }

  /// The stages that a run of a recipe keeps; nil for a recipe without stages.
  ///
  /// A run from before stages were kept has those that its recipe lists.
  static func kept(in directory: RunDirectory, for recipe: Recipe) throws -> RunPlan? {
    guard !recipe.stages.isEmpty || recipe.planning != nil else { return nil }
    let path = directory.plan.path(percentEncoded: false)
    if recipe.planning == nil, !FileManager.default.fileExists(atPath: path) {
      return RunPlan(origin: .recipe, stages: recipe.stages)
    }
    return try RunPlan(reading: directory.plan)
  }
}
