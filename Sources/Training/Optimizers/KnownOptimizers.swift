// SPDX-License-Identifier: Apache-2.0

extension OptimizerConfiguration {
  /// The optimizers that there are, in the order of tables; the first is the usual one.
  public static let known: [any Optimizer.Type] = [AdamWConfiguration.self, MuonConfiguration.self]
}

/// One update of one parameter, which every engine carries out.
public enum ParameterUpdate: Sendable, Hashable {
  case adamW(AdamWUpdate)
  case muon(MuonUpdate)

  /// The slots that it reads and writes.
  public var slots: [StateSlot] {
    switch self {
    case .adamW: [.firstMoment, .secondMoment]
    case .muon: [.momentum]
    }
  }
}
