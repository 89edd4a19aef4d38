// swift-tools-version: 6.1
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

// Targets stand in the order of the architecture: a target imports only what stands above it.
// The linear-algebra library is oneDNN on Linux and Accelerate on Apple systems.

let package = Package(
  name: "espalier",
  platforms: [.macOS(.v15)],
  products: [
    .library(name: "Espalier", targets: ["Espalier"]),
    .executable(name: "espalier", targets: ["EspalierCLI"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.1.0"),
    .package(url: "https://github.com/apple/swift-crypto", "3.0.0"..<"5.0.0"),
    .package(url: "https://github.com/jpsim/Yams", "5.0.1"..<"7.0.0"),
  ],
  targets: [
    // System libraries
    .systemLibrary(name: "CDNNL", providers: [.apt(["libdnnl-dev"])]),
    .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),

    // Libraries
    .target(name: "Wording"),
    .target(name: "CheckedInput", dependencies: ["Wording"]),
    .target(name: "Statistics"),
    .target(
      name: "CKernels",
      linkerSettings: [.linkedLibrary("gomp", .when(platforms: [.linux]))]),
    .target(name: "Tensors", dependencies: ["Wording", "CheckedInput", "CKernels"]),
    .target(name: "OrderedJSON", dependencies: ["Wording"]),
    .target(
      name: "Documents",
      dependencies: [
        "Wording", "CheckedInput", "OrderedJSON", .product(name: "Yams", package: "Yams"),
      ]),
    .target(
      name: "LinearAlgebra",
      dependencies: [
        "Wording", "CKernels", .target(name: "CDNNL", condition: .when(platforms: [.linux])),
      ]),
    .target(
      name: "RunLogs", dependencies: ["Wording", "CheckedInput", "OrderedJSON", "Documents"]),
    .target(
      name: "Reporting",
      dependencies: ["Wording", "CheckedInput", "Statistics", "RunLogs", "OrderedJSON"]),
    .target(
      name: "Checkpoints",
      dependencies: [
        "Wording", "CheckedInput", "Tensors", "OrderedJSON", "Documents",
        .product(name: "Crypto", package: "swift-crypto"),
      ]),
    .target(
      name: "Architectures",
      dependencies: ["Wording", "CheckedInput", "Tensors", "OrderedJSON", "Documents"]),
    .target(
      name: "Text",
      dependencies: [
        "Wording", "CheckedInput", "Tensors", "OrderedJSON", "Documents", "Checkpoints", "CZlib",
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "HeapModule", package: "swift-collections"),
      ]),
    .target(
      name: "Training",
      dependencies: [
        "Tensors", "OrderedJSON", "Documents", "Wording", "CheckedInput", "Architectures",
        "Checkpoints", "Text",
        "RunLogs",
      ]),
    .target(
      name: "Evaluation",
      dependencies: [
        "Documents", "Tensors", "Checkpoints", "Architectures", "Text", "Wording", "CheckedInput",
        "Training",
      ]),
    .target(
      name: "Interpretation",
      dependencies: [
        "Wording", "Tensors", "Checkpoints", "Architectures", "Text", "Training", "LinearAlgebra",
      ]),
    .target(
      name: "CPUEngine",
      dependencies: [
        "Wording", "Tensors", "Architectures", "Text", "Training", "CKernels", "LinearAlgebra",
      ]),
    // XLA's plugins are opened at run time; nothing is linked.
    .target(name: "CPJRT"),
    .target(name: "StableHLO", dependencies: ["Wording", "CheckedInput"]),
    .target(
      name: "XLAEngine",
      dependencies: [
        "Wording", "CheckedInput", "Tensors", "Architectures", "Text", "Training", "CPJRT",
        "StableHLO", .product(name: "Crypto", package: "swift-crypto"),
      ]),
    // CKernels: the noise of growth must come as fast as memory takes it, and be the same anywhere.
    .target(
      name: "Growth",
      dependencies: [
        "Tensors", "OrderedJSON", "Documents", "Checkpoints", "Architectures", "Text", "Wording",
        "CheckedInput",
        "Training", "CKernels", .product(name: "Yams", package: "Yams"),
      ]),
    .target(
      name: "Verification",
      dependencies: [
        "Tensors", "Wording", "CheckedInput", "Checkpoints", "Architectures", "Text", "Training",
        "Growth", "Interpretation", "Evaluation", "LinearAlgebra",
      ]),
    .target(
      name: "Planning",
      dependencies: [
        "Documents", "Wording", "CheckedInput", "Statistics", "Architectures", "RunLogs", "Tensors",
      ]),
    .target(
      name: "Staging",
      dependencies: [
        "Tensors", "OrderedJSON", "Documents", "RunLogs", "Checkpoints", "Architectures", "Text",
        "Training",
        "Wording", "CheckedInput", "Growth", "Planning", "Reporting",
        .product(name: "Yams", package: "Yams"),
      ]),
    .target(
      name: "Espalier",
      dependencies: [
        "Wording", "Tensors", "LinearAlgebra", "RunLogs", "Reporting", "Checkpoints",
        "Architectures", "Text", "Training", "Interpretation", "Growth", "Planning", "CPUEngine",
        "XLAEngine", "Verification", "Staging", "Statistics", "Evaluation",
      ]),

    // The command
    .executableTarget(
      name: "EspalierCLI",
      dependencies: [
        "Checkpoints", "Espalier", "Wording", "CheckedInput", "XLAEngine",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),

    // Tests mirror sources; several check themselves against the golden models
    .target(
      name: "GoldenModels",
      dependencies: ["Tensors", "OrderedJSON", "Checkpoints", "Architectures", "Text", "Training"],
      path: "Tests/GoldenModels",
      resources: [.copy("Goldens")]),
    .target(name: "SeededRandom", path: "Tests/SeededRandom"),
    .target(
      name: "OperationCases",
      dependencies: [
        "Tensors", "LinearAlgebra", "Architectures", "Text", "Training", "Interpretation",
        "GoldenModels",
      ],
      path: "Tests/OperationCases"),
    .testTarget(name: "WordingTests", dependencies: ["Wording"]),
    .testTarget(name: "CheckedInputTests", dependencies: ["CheckedInput"]),
    .testTarget(name: "TensorsTests", dependencies: ["Tensors", "SeededRandom"]),
    .testTarget(name: "OrderedJSONTests", dependencies: ["OrderedJSON", "SeededRandom"]),
    .testTarget(
      name: "DocumentsTests", dependencies: ["Documents", "OrderedJSON", "SeededRandom"]),
    .testTarget(name: "CKernelsTests", dependencies: ["CKernels", "Tensors", "SeededRandom"]),
    .testTarget(name: "RunLogsTests", dependencies: ["RunLogs"]),
    .testTarget(name: "StatisticsTests", dependencies: ["Statistics"]),
    .testTarget(name: "ReportingTests", dependencies: ["RunLogs", "Reporting", "SeededRandom"]),
    .testTarget(
      name: "CheckpointsTests", dependencies: ["Checkpoints", "Tensors", "SeededRandom"],
      resources: [.copy("Goldens")]),
    .testTarget(
      name: "ArchitecturesTests",
      dependencies: ["Tensors", "OrderedJSON", "Architectures", "GoldenModels"],
      resources: [.copy("Goldens")]),
    .testTarget(
      name: "TextTests", dependencies: ["Checkpoints", "Text", "OrderedJSON"],
      resources: [.copy("Goldens")]),
    .testTarget(
      name: "TrainingTests",
      dependencies: [
        "Tensors", "RunLogs", "Checkpoints", "Architectures", "Text", "Training", "Interpretation",
        "SeededRandom",
      ],
      resources: [.copy("Goldens")]),
    .testTarget(
      name: "InterpretationTests",
      dependencies: [
        "Tensors", "LinearAlgebra", "Architectures", "Text", "Training", "Interpretation",
        "GoldenModels", "OperationCases",
      ]),
    .testTarget(
      name: "CPUEngineTests",
      dependencies: [
        "Tensors", "LinearAlgebra", "Architectures", "Text", "Training", "CPUEngine",
        "Interpretation", "GoldenModels", "SeededRandom",
      ]),
    .testTarget(name: "StableHLOTests", dependencies: ["StableHLO"]),
    .testTarget(
      name: "XLAEngineTests",
      dependencies: [
        "Tensors", "Architectures", "Text", "Training", "CPUEngine", "XLAEngine", "StableHLO",
        "GoldenModels", "OperationCases", "SeededRandom",
      ]),
    .testTarget(
      name: "EngineTests",
      dependencies: [
        "Tensors", "Architectures", "Text", "Training", "CPUEngine", "XLAEngine", "Interpretation",
        "GoldenModels", "OperationCases", "SeededRandom",
      ]),
    .testTarget(
      name: "GrowthTests",
      dependencies: [
        "Tensors", "Checkpoints", "Architectures", "Text", "Training", "Growth", "CPUEngine",
        "Interpretation", "GoldenModels", "SeededRandom",
      ],
      resources: [.copy("Goldens")]),
    .testTarget(
      name: "VerificationTests",
      dependencies: [
        "Tensors", "Checkpoints", "Architectures", "Text", "Training", "Interpretation", "Growth",
        "Verification", "CPUEngine", "GoldenModels", "SeededRandom",
      ]),
    .testTarget(
      name: "PlanningTests", dependencies: ["Tensors", "Architectures", "Planning", "RunLogs"]),
    .testTarget(
      name: "StagingTests",
      dependencies: [
        "Tensors", "RunLogs", "Checkpoints", "Architectures", "Text", "Training", "Growth",
        "Planning", "Staging", "Reporting", "CPUEngine", "Evaluation", "OrderedJSON", "Wording",
      ]),
    .testTarget(
      name: "EvaluationTests",
      dependencies: [
        "Tensors", "Checkpoints", "Architectures", "Text", "Training", "Evaluation", "CPUEngine",
        "Interpretation", "GoldenModels",
      ],
      resources: [.copy("Goldens")]),
    .target(
      name: "FuzzTargets",
      dependencies: [
        "RunLogs", "Planning", "Architectures", "Checkpoints", "Text", "Training", "Growth",
        "Staging",
      ],
      path: "Tests/FuzzTargets"),
    .testTarget(
      name: "FuzzTests", dependencies: ["FuzzTargets"], resources: [.copy("Corpus")]),
    .testTarget(
      name: "EspalierTests",
      dependencies: ["Tensors", "Espalier", "EspalierCLI", "GoldenModels"], exclude: ["Messages"]),
  ],
  swiftLanguageModes: [.v6],
  cLanguageStandard: .c17
)

// `make fuzz` builds the fuzzer, whose entry point is libFuzzer's.
if Context.environment["ESPALIER_FUZZ"] != nil {
  package.targets.append(
    .executableTarget(name: "Fuzz", dependencies: ["FuzzTargets"], path: "Tests/Fuzz"))
}
