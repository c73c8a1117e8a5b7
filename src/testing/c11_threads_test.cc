// C11 threads as librdkafka uses them. Under TSan these calls end in c11_threads.cc, elsewhere in glibc: the
// same answers.

#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>
#include <threads.h>

#include <ctime>

namespace waybill {
namespace {

struct Shared {
  mtx_t mutex;
  cnd_t changed;
  int value = 0;
};

int add_ten(void* raw) {
  auto* shared = static_cast<Shared*>(raw);
  mtx_lock(&shared->mutex);
  shared->value += 10;
  cnd_broadcast(&shared->changed);
  mtx_unlock(&shared->mutex);
  return 42;
}

int calls = 0;
void count_call() { ++calls; }

TEST(C11Threads, LockSignalAndReturnAsTheStandardSays) {
  Shared shared;
  ASSERT_EQ(mtx_init(&shared.mutex, mtx_plain), thrd_success);
  ASSERT_EQ(cnd_init(&shared.changed), thrd_success);
  thrd_t thread;
  ASSERT_EQ(thrd_create(&thread, add_ten, &shared), thrd_success);
  mtx_lock(&shared.mutex);
  while (shared.value == 0) cnd_wait(&shared.changed, &shared.mutex);
  EXPECT_EQ(shared.value, 10);
  timespec past{};
  EXPECT_EQ(cnd_timedwait(&shared.changed, &shared.mutex, &past), thrd_timedout);
  mtx_unlock(&shared.mutex);
  int result = 0;
  EXPECT_EQ(thrd_join(thread, &result), thrd_success);
  EXPECT_EQ(result, 42);
  cnd_destroy(&shared.changed);
  mtx_destroy(&shared.mutex);
}

TEST(C11Threads, OnceIsOnce) {
  static once_flag flag = ONCE_FLAG_INIT;
  call_once(&flag, count_call);
  call_once(&flag, count_call);
  EXPECT_EQ(calls, 1);
}

TEST(C11Threads, LibrdkafkaStartsAndStopsItsThreads) {
  char error[256] = "";
  rd_kafka_t* producer = rd_kafka_new(RD_KAFKA_PRODUCER, nullptr, error, sizeof error);
  ASSERT_NE(producer, nullptr) << error;
  EXPECT_EQ(rd_kafka_poll(producer, 1), 0);
  EXPECT_EQ(rd_kafka_flush(producer, 100), RD_KAFKA_RESP_ERR_NO_ERROR);
  rd_kafka_destroy(producer);
}

}  // namespace
}  // namespace waybill
