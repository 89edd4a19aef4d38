// SPDX-License-Identifier: Apache-2.0
import Foundation
import Tensors
import Testing

@Test("a process has some memory, and no more than the machine")
func machineMemory() {
  #expect(MachineMemory.byteCount > 0)
  #expect(UInt64(MachineMemory.byteCount) <= ProcessInfo.processInfo.physicalMemory)
}
