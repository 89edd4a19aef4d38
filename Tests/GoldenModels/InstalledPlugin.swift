// SPDX-License-Identifier: Apache-2.0
import Foundation

/// XLA's plugin for tests: the one that `ESPALIER_PJRT_PLUGIN` names, or that `make xla` has installed.
package enum InstalledPlugin {
  /// Where it is; nil where there is none, and tests that need one are skipped.
  ///
  /// Under a sanitizer there is none: plugins are built without, and XLA's threads would be reported.
  package static let path: String? = {
    let environment = ProcessInfo.processInfo.environment
    guard environment["ESPALIER_SANITIZER"] == nil else { return nil }
    let named = environment["ESPALIER_PJRT_PLUGIN"]
    let installed = packageRoot.appending(path: ".xla/cpu/pjrt_c_api_cpu_plugin.so").path
    return [named, installed].compactMap { $0 }.first {
      FileManager.default.fileExists(atPath: $0)
    }
  }()

  /// What a skipped test says.
  package static let advice = "there is no PJRT plugin; `make xla` installs one"
}
