/* finds: race --races=fail */
/* One prints wide characters while the other changes them. */
#include <pthread.h>
#include <wchar.h>

static wchar_t name[16] = L"before";

static void *change(void *unused)
{
    wcscpy(name, L"after");
    return unused;
}

int main(void)
{
    wchar_t line[64];
    pthread_t thread;
    pthread_create(&thread, NULL, change, NULL);
    swprintf(line, 64, L"%d %ls", 1, name);
    pthread_join(thread, NULL);
    return 0;
}
