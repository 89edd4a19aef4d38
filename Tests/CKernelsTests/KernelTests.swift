// SPDX-License-Identifier: Apache-2.0
import Testing

/// All tests of kernels.
@Suite struct KernelTests {}

/// Widths around the vector's 16 lanes, around four vectors, and none of either.
let oddSizes = [1, 3, 15, 16, 17, 31, 48, 63, 64, 65, 100, 257]
