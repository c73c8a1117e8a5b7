// C11 threads over pthread, for TSan builds only.
//
// Debian's librdkafka uses <threads.h>. TSan intercepts pthread_create and its kin, not thrd_create: the
// first thread that librdkafka starts is unknown to the runtime, which then crashes. Programs that link this
// file with -rdynamic answer librdkafka's calls themselves, through the pthread functions that TSan sees.
// glibc's mtx_t, cnd_t, tss_t, thrd_t and once_flag have the layout of their pthread counterparts (glibc
// implements them the same way); asserted below.

#if defined(__SANITIZE_THREAD__)

#include <pthread.h>
#include <sched.h>
#include <threads.h>

#include <cerrno>
#include <cstdint>
#include <memory>

static_assert(sizeof(mtx_t) == sizeof(pthread_mutex_t) && alignof(mtx_t) <= alignof(pthread_mutex_t));
static_assert(sizeof(cnd_t) == sizeof(pthread_cond_t) && alignof(cnd_t) <= alignof(pthread_cond_t));
static_assert(sizeof(once_flag) == sizeof(pthread_once_t));
static_assert(sizeof(thrd_t) == sizeof(pthread_t) && sizeof(tss_t) == sizeof(pthread_key_t));

namespace {

int result_of(int error) {
  switch (error) {
    case 0:
      return thrd_success;
    case ENOMEM:
      return thrd_nomem;
    case EBUSY:
      return thrd_busy;
    case ETIMEDOUT:
      return thrd_timedout;
    default:
      return thrd_error;
  }
}

pthread_mutex_t* as_pthread(mtx_t* mutex) { return reinterpret_cast<pthread_mutex_t*>(mutex); }
pthread_cond_t* as_pthread(cnd_t* condition) { return reinterpret_cast<pthread_cond_t*>(condition); }
pthread_once_t* as_pthread(once_flag* flag) { return reinterpret_cast<pthread_once_t*>(flag); }

struct Start {
  thrd_start_t function;
  void* argument;
};

void* run(void* raw) {
  const std::unique_ptr<Start> start(static_cast<Start*>(raw));
  return reinterpret_cast<void*>(static_cast<intptr_t>(start->function(start->argument)));
}

}  // namespace

extern "C" {

int thrd_create(thrd_t* thread, thrd_start_t function, void* argument) {
  auto start = std::make_unique<Start>(Start{function, argument});
  const int error = pthread_create(thread, nullptr, run, start.get());
  if (error == 0) start.release();
  return error == EAGAIN ? thrd_nomem : result_of(error);
}
int thrd_join(thrd_t thread, int* result) {
  void* raw = nullptr;
  const int error = pthread_join(thread, &raw);
  if (error == 0 && result != nullptr) *result = static_cast<int>(reinterpret_cast<intptr_t>(raw));
  return result_of(error);
}
int thrd_detach(thrd_t thread) { return result_of(pthread_detach(thread)); }
int thrd_equal(thrd_t a, thrd_t b) { return pthread_equal(a, b); }
thrd_t thrd_current(void) { return pthread_self(); }
void thrd_yield(void) { sched_yield(); }
void thrd_exit(int result) { pthread_exit(reinterpret_cast<void*>(static_cast<intptr_t>(result))); }

int mtx_init(mtx_t* mutex, int type) {
  pthread_mutexattr_t attributes;
  if (const int error = pthread_mutexattr_init(&attributes); error != 0) return result_of(error);
  pthread_mutexattr_settype(&attributes,
                            (type & mtx_recursive) != 0 ? PTHREAD_MUTEX_RECURSIVE : PTHREAD_MUTEX_NORMAL);
  const int error = pthread_mutex_init(as_pthread(mutex), &attributes);
  pthread_mutexattr_destroy(&attributes);
  return result_of(error);
}
void mtx_destroy(mtx_t* mutex) { pthread_mutex_destroy(as_pthread(mutex)); }
int mtx_lock(mtx_t* mutex) { return result_of(pthread_mutex_lock(as_pthread(mutex))); }
int mtx_trylock(mtx_t* mutex) { return result_of(pthread_mutex_trylock(as_pthread(mutex))); }
int mtx_timedlock(mtx_t* mutex, const timespec* until) {
  return result_of(pthread_mutex_timedlock(as_pthread(mutex), until));
}
int mtx_unlock(mtx_t* mutex) { return result_of(pthread_mutex_unlock(as_pthread(mutex))); }

int cnd_init(cnd_t* condition) { return result_of(pthread_cond_init(as_pthread(condition), nullptr)); }
void cnd_destroy(cnd_t* condition) { pthread_cond_destroy(as_pthread(condition)); }
int cnd_signal(cnd_t* condition) { return result_of(pthread_cond_signal(as_pthread(condition))); }
int cnd_broadcast(cnd_t* condition) { return result_of(pthread_cond_broadcast(as_pthread(condition))); }
int cnd_wait(cnd_t* condition, mtx_t* mutex) {
  return result_of(pthread_cond_wait(as_pthread(condition), as_pthread(mutex)));
}
int cnd_timedwait(cnd_t* condition, mtx_t* mutex, const timespec* until) {
  return result_of(pthread_cond_timedwait(as_pthread(condition), as_pthread(mutex), until));
}

int tss_create(tss_t* key, tss_dtor_t destructor) { return result_of(pthread_key_create(key, destructor)); }
void tss_delete(tss_t key) { pthread_key_delete(key); }
void* tss_get(tss_t key) { return pthread_getspecific(key); }
int tss_set(tss_t key, void* value) { return result_of(pthread_setspecific(key, value)); }

void call_once(once_flag* flag, void (*function)(void)) { pthread_once(as_pthread(flag), function); }

}  // extern "C"

#endif  // __SANITIZE_THREAD__
