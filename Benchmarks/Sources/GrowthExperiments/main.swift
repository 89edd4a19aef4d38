// SPDX-License-Identifier: Apache-2.0
//
// Experiments on growth, on real text.
//
//     GrowthExperiments dynamics TOKENS RESULTS.jsonl SEEDS THREADS
//     GrowthExperiments rates TOKENS RESULTS.jsonl SEEDS THREADS
//     GrowthExperiments schedules TOKENS RESULTS.jsonl SEEDS THREADS
//     GrowthExperiments symmetry TOKENS RESULTS.jsonl SEEDS THREADS
//
//     GrowthExperiments report DYNAMICS.jsonl SYMMETRY.jsonl FOLDER
//
// TOKENS is a directory that `espalier prepare` wrote. Results are lines of JSON; the report is made
// of them.

import Espalier
import Foundation

let words = CommandLine.arguments
if words.count == 5, words[1] == "report" {
  try Report(
    dynamics: Measurements(URL(filePath: words[2])),
    symmetry: Measurements(URL(filePath: words[3])),
    folder: URL(filePath: words[4])
  ).write()
  exit(0)
}
guard words.count == 6, let threads = Int(words[5]) else {
  print("usage: GrowthExperiments dynamics|symmetry TOKENS RESULTS.jsonl SEED,SEED… THREADS")
  exit(64)
}
let seeds = words[4].split(separator: ",").compactMap { UInt64($0) }
let laboratory = try Laboratory(
  tokens: URL(filePath: words[2]), output: URL(filePath: words[3]), threads: threads)
switch words[1] {
case "dynamics": try Dynamics(laboratory: laboratory, seeds: seeds).run()
case "rates": try Dynamics(laboratory: laboratory, seeds: seeds).sweepRates()
case "schedules":
  try Dynamics(laboratory: laboratory, seeds: seeds).runWithoutRepositioning()
case "symmetry": try Symmetry(laboratory: laboratory, seeds: seeds).run()
default:
  print("no experiment is called \(words[1])")
  exit(64)
}
