// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Says why a directory has no weights that can be read, and what to do about it.
enum MissingWeights {
  /// The error for a directory without `NAME.safetensors` and without its index.
  static func error(in directory: URL, baseName: String) -> CheckpointsError {
    let single = "\(baseName).safetensors"
    let index = ShardIndex.fileName(baseName: baseName)
    let names = [single, index]
    if let link = names.lazy.compactMap({ deadLink(directory.appending(path: $0)) }).first {
      return CheckpointsError(.unreadableFile, link, subject: directory.path)
    }
    let found =
      baseName == "model" ? explanation(of: otherFiles(in: directory)).map { "; \($0)" } : nil
    return CheckpointsError(
      .unreadableFile, "holds neither \(single) nor \(index)\(found ?? "")",
      subject: directory.path)
  }

  /// What is wrong with a link that leads nowhere; nil for anything else.
  static func deadLink(_ url: URL) -> String? {
    let files = FileManager.default
    guard !files.fileExists(atPath: url.path),
      let target = try? files.destinationOfSymbolicLink(atPath: url.path)
    else { return nil }
    return "\(url.lastPathComponent) is a link to \(target), which is not there; a cache that was "
      + "cleaned or copied without its blobs holds such links. Download the model again, or copy it "
      + "with its links followed (cp -rL)"
  }

  private static func otherFiles(in directory: URL) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: directory.path)) ?? []).sorted()
  }

  private static func explanation(of names: [String]) -> String? {
    func named(_ suffixes: String...) -> String? {
      names.first { name in suffixes.contains { name.hasSuffix($0) } }
    }
    if let name = names.first(where: { $0.hasPrefix("adapter_model.") }) {
      return "\(name) is an adapter, not a model: merge it into its base model first "
        + "(peft's merge_and_unload), and give the merged directory"
    }
    if let name = named(".safetensors") {
      return name.contains("-of-")
        ? "shards such as \(name) are there without their index; copy model.safetensors.index.json "
          + "from where they came"
        : "if \(name) holds the weights, name it model.safetensors"
    }
    if let name = named(".bin", ".pt", ".pth", ".ckpt") {
      return
        "\(name) is a pickle, which can run any program and is never read. Convert it, in that "
        + "directory, with: \(conversion(of: name))"
    }
    if let name = named(".gguf") {
      return
        "\(name) is in llama.cpp's format, which is not read; take the model's safetensors from "
        + "where it was published, or let transformers convert it: "
        + "AutoModelForCausalLM.from_pretrained('.', gguf_file='\(name)').save_pretrained('converted')"
    }
    if let name = named(".h5", ".msgpack", ".onnx") {
      return
        "\(name) is in a format that is not read; take the model's safetensors from where it was "
        + "published"
    }
    return nil
  }

  /// A command that makes `model.safetensors` of the pickles of a directory; no program in them runs.
  private static func conversion(of name: String) -> String {
    let pattern = name.hasPrefix("pytorch_model") ? "pytorch_model*.bin" : name
    return #"python -c "import glob, torch; from safetensors.torch import save_file; "#
      + "d = {k: v.clone().contiguous() for f in sorted(glob.glob('\(pattern)')) "
      + "for k, v in torch.load(f, map_location='cpu', weights_only=True).items()}; "
      + #"save_file(d, 'model.safetensors', {'format': 'pt'})""#
  }
}

/// What a file is that should be a safetensors file and is not.
enum ForeignFormat {
  private static let known: [(start: String, message: String)] = [
    (
      "version https://git-lfs",
      "this is a pointer of Git LFS, not the file itself; fetch it with: git lfs pull"
    ),
    ("PK\u{3}\u{4}", "this is a pickle of PyTorch, which is never read"),
    ("GGUF", "this is in llama.cpp's format, which is not read"),
    ("<!DOCTYPE", "this is a web page, perhaps of a download that failed"),
    ("<html", "this is a web page, perhaps of a download that failed"),
  ]

  /// What the first bytes tell; nil where they tell nothing.
  static func message(_ bytes: UnsafeRawBufferPointer) -> String? {
    known.first { bytes.starts(with: $0.start.utf8) }?.message
  }
}
