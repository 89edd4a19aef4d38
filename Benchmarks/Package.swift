// swift-tools-version: 6.1
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

// Benchmarks are a package of their own, so that users of the library never build them.

let package = Package(
  name: "benchmarks",
  platforms: [.macOS(.v15)],
  dependencies: [
    .package(name: "espalier", path: ".."),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
    .package(url: "https://github.com/jpsim/Yams", "5.0.1"..<"7.0.0"),
  ],
  targets: [
    .executableTarget(
      name: "StepBenchmark", dependencies: [.product(name: "Espalier", package: "espalier")]),
    .executableTarget(
      name: "TokenizerBenchmark", dependencies: [.product(name: "Espalier", package: "espalier")]),
    .target(name: "BenchmarkReports"),
    .executableTarget(
      name: "GrowthBenchmark",
      dependencies: ["BenchmarkReports", .product(name: "Espalier", package: "espalier")]),
    .executableTarget(
      name: "StreamingBenchmark",
      dependencies: ["BenchmarkReports", .product(name: "Espalier", package: "espalier")]),
    .executableTarget(
      name: "GrowthExperiments", dependencies: [.product(name: "Espalier", package: "espalier")]),
    .target(
      name: "Savings",
      dependencies: ["BenchmarkReports", "Yams", .product(name: "Espalier", package: "espalier")]),
    .executableTarget(
      name: "SavingsExperiments",
      dependencies: [
        "Savings", .product(name: "Espalier", package: "espalier"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    .testTarget(name: "SavingsTests", dependencies: ["Savings"]),
  ],
  swiftLanguageModes: [.v6]
)
