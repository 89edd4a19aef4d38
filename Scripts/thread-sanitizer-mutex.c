// SPDX-License-Identifier: Apache-2.0
//
// Shows the thread sanitizer what Swift's Mutex does where two threads meet at it.
//
// On Linux, Synchronization.Mutex is a word and a futex. The fast paths are inlined and instrumented;
// the slow ones lie in libswiftSynchronization.so, where the kernel passes the lock on and the sanitizer
// sees nothing, so that it calls every contended Mutex a race. Linked into the tests, these two take
// the library's place, say what happens to the word, and call the library.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>

#define LOCK_SLOW "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define UNLOCK_SLOW "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"
#define SWIFT __attribute__((swiftcall))
#define SELF __attribute__((swift_context))

void __tsan_acquire(void *);
void __tsan_release(void *);

typedef SWIFT void (*LockSlow)(uint32_t thread, SELF void *word);
typedef SWIFT void (*UnlockSlow)(SELF void *word);

SWIFT void lockSlow(uint32_t thread, SELF void *word) __asm__(LOCK_SLOW);
SWIFT void unlockSlow(SELF void *word) __asm__(UNLOCK_SLOW);

SWIFT void lockSlow(uint32_t thread, SELF void *word) {
  ((LockSlow)dlsym(RTLD_NEXT, LOCK_SLOW))(thread, word);
  __tsan_acquire(word);
}

SWIFT void unlockSlow(SELF void *word) {
  __tsan_release(word);
  ((UnlockSlow)dlsym(RTLD_NEXT, UNLOCK_SLOW))(word);
}
