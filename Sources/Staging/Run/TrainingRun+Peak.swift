// SPDX-License-Identifier: Apache-2.0
import Training

extension TrainingRun {
  /// What the engine reaches at best on this machine, measured once and kept in the run.
  ///
  /// - Returns: nil where it cannot be measured, which stops no training.
  func peak(of engine: some TrainingEngine) -> Double? {
    let machine = Machine.name
    let precision = recipe.training.precision
    // Read anew, so that nothing another session wrote is lost.
    var manifest = (try? RunManifest(readingFrom: directory.manifest)) ?? self.manifest
    let known = manifest.peaks.first {
      $0.engine == engine.name && $0.machine == machine && $0.threads == threads
        && $0.precision == precision
    }
    if let known { return known.floatingPointOperationsPerSecond }
    guard let speed = try? engine.measurePeak(precision: precision), speed.isFinite, speed > 0
    else { return nil }
    manifest.peaks.append(
      .init(
        engine: engine.name, machine: machine, threads: threads, precision: precision,
        floatingPointOperationsPerSecond: speed))
    try? manifest.write(to: directory.manifest)
    return speed
  }
}
