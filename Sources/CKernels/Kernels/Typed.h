// SPDX-License-Identifier: Apache-2.0
//
// The kernels that exist for float and for bfloat16. Included once for each, so without a guard.

#include "Elementwise.h"
#include "Gated.h"
#include "Dropout.h"
#include "Norm.h"
#include "HeadNorm.h"
#include "Rotary.h"
#include "ColumnSum.h"
#include "WeighRows.h"
