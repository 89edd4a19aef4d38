// SPDX-License-Identifier: Apache-2.0

extension ModelConfiguration {
  /// The model as operations, with its parameters' specs.
  ///
  /// - Throws: ``ArchitecturesError`` where the configuration contradicts itself.
  public func program() throws -> Program {
    try validate()
    return uncheckedProgram(layerCount: layerCount)
  }

  /// The program of this configuration with another number of blocks.
  ///
  /// All blocks are alike, so counting needs no more than the programs of no block and of one.
  func uncheckedProgram(layerCount: Int) -> Program {
    var copy = self
    copy.layerCount = layerCount
    return DecoderProgram.program(copy)
  }
}
