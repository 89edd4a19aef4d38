// SPDX-License-Identifier: Apache-2.0
//
// All kernels at one level. The including file defines CK_LEVEL, CK_TABLE and the suffix behind
// CK(name), and has set the functions' target.

#include "Vector.h"

#include "Activation.h"
#include "Philox.h"
#include "Reduction.h"

// What exists for both element types, once for each: CK_ELEMENT is the type, CK_TYPED(name) the
// name.
#define CK_ELEMENT float
#define CK_TYPED(name) CK(name##_f32)
#include "Typed.h"
#undef CK_TYPED
#undef CK_ELEMENT
#define CK_ELEMENT ck_bf16
#define CK_TYPED(name) CK(name##_bf16)
#include "Typed.h"
#undef CK_TYPED
#undef CK_ELEMENT

#include "Attention.h"
#include "Conversion.h"
#include "Embedding.h"
#include "ExactProduct.h"
#include "Gaussian.h"
#include "Loss.h"
#include "Mixture.h"
#include "NormBackward.h"
#include "Optimizer.h"

#define X(result, name, parameters, arguments) .name = CK(name),
const ck_table CK_TABLE = {CK_KERNELS(X)};
#undef X
