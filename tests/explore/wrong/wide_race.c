/* finds: race --races=fail */
/* One copies wide characters while the other counts them. */
#include <pthread.h>
#include <wchar.h>

static wchar_t text[16] = L"before";

static void *change(void *unused)
{
    wcscpy(text, L"afterwards");
    return unused;
}

static void *count(void *unused)
{
    return wcslen(text) > 10 ? text : unused;
}

int main(void)
{
    pthread_t threads[2];
    pthread_create(&threads[0], NULL, change, NULL);
    pthread_create(&threads[1], NULL, count, NULL);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
