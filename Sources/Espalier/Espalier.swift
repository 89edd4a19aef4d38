// SPDX-License-Identifier: Apache-2.0

@_exported import Architectures
@_exported import CPUEngine
@_exported import Checkpoints
@_exported import Evaluation
@_exported import Growth
@_exported import Interpretation
@_exported import LinearAlgebra
@_exported import Planning
@_exported import Reporting
@_exported import RunLogs
@_exported import Staging
@_exported import Statistics
@_exported import Tensors
@_exported import Text
@_exported import Training
@_exported import Verification
