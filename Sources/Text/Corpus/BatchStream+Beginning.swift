// SPDX-License-Identifier: Apache-2.0

extension BatchStream.Cursor {
  /// The start of data that are not known yet: no stream of data goes on there, each begins anew.
  package init(order: BatchStream.Order, seed: UInt64, contextLength: Int) {
    self.init(
      order: order, seed: seed, contextLength: contextLength, tokenCount: 0, epoch: 0, position: 0)
  }
}
