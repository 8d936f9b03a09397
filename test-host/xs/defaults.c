/*
 * The engine's table of optional features, with what the device's linker leaves out: functions carry neither `name` nor
 * `length`, so they cost no slots for them.
 * SPDX-License-Identifier: LGPL-3.0-or-later
 */

#include "xsAll.h"

#define fxNewFunctionLength C_NULL
#define fxNewFunctionName C_NULL
#include "xsDefaults.c"
