/* Wire: what the campaign tells `lifeguard explore`, which has the symbols and writes for people.
 *
 * Lines, each a word and its value.  Text of a finding is one `text` line a line; places in it are
 * between bytes 1 and 2 (verdict.h). */
#ifndef LG_EXPLORE_WIRE_H
#define LG_EXPLORE_WIRE_H

void lg__wire_begin(int descriptor);
void lg__wire_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The program's and its libraries' places in memory. */
void lg__wire_modules(void);

/* A text of several lines, each with the word before it. */
void lg__wire_text(const char *word, const char *text);

#endif
