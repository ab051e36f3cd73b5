// C++: threads, a future, a condition variable, a shared pointer, a static with a constructor.
#include <atomic>
#include <cassert>
#include <condition_variable>
#include <cstdint>
#include <future>
#include <memory>
#include <mutex>
#include <new>
#include <shared_mutex>
#include <string>
#include <thread>
#include <vector>

namespace {

struct Counter {
    std::mutex mutex;
    std::condition_variable changed;
    int value = 0;
};

std::string &greeting()
{
    static std::string text = "hello, this is longer than the short strings are";
    return text;
}

void count(std::shared_ptr<Counter> counter)
{
    std::lock_guard<std::mutex> guard(counter->mutex);
    assert(greeting().size() > 20);
    counter->value++;
    counter->changed.notify_all();
}

} // namespace

int main()
{
    auto counter = std::make_shared<Counter>();
    std::vector<std::thread> threads;
    for (int i = 0; i < 2; i++)
        threads.emplace_back(count, counter);
    auto answer = std::async(std::launch::async, [] { return 42; });
    {
        std::unique_lock<std::mutex> lock(counter->mutex);
        counter->changed.wait(lock, [&] { return counter->value == 2; });
    }
    for (auto &thread : threads)
        thread.join();
    assert(answer.get() == 42);
    std::shared_timed_mutex shared;
    std::shared_lock<std::shared_timed_mutex> reader(shared);
    assert(!shared.try_lock_for(std::chrono::seconds(1)));
    try {
        size_t much = SIZE_MAX / 4;
        assert(!new char[much]);
    } catch (const std::bad_alloc &) {
        return 0;
    }
    assert(false);
    return 0;
}
