/* report.c: results as text, CSV, JSON, Gradescope's results.json and Autolab's last line.

   Names and messages come from strangers: control characters never reach a terminal or a file, and a name that a spreadsheet
   would take for a formula gets an apostrophe in front. */
#include "grade.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *verdict_name(Verdict v)
{
    static const char *const name[] = { "not handed in", "passed", "wrong value", "crashed", "timed out", "ended early", "does not compile",
                                        "not allowed", "too much output", "not run", "grader failed" };
    return name[v];
}

int points_possible(const Exercise *e) { int n = 0;  for (int c = 0; c < e->checks; c++) n += e->check[c].points;  return n; }
int points_of(const Exercise *e, const Marks *m) { int n = 0;  for (int c = 0; c < e->checks; c++) n += m->check[c].points;  return n; }

static void plain(FILE *f, const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) if (*c == '\n' || *c == '\t' || (*c >= 32 && *c != 127)) putc(*c, f); else putc('?', f);
}

void report_text(const Exercise *e, const Marks *m, int colour)
{
    printf("%s  %s: %d of %d points\n", e->id, e->title, points_of(e, m), points_possible(e));
    for (int c = 0; c < e->checks; c++) {
        const Mark *k = &m->check[c];
        const char *paint = !colour ? "" : k->verdict == PASSED ? "\033[32m" : k->verdict == SKIPPED ? "\033[33m" : "\033[31m";
        printf("  %d/%d  %s%s%s  %s", k->points, e->check[c].points, paint, verdict_name(k->verdict), colour ? "\033[0m" : "", e->check[c].name);
        if (*k->text) fputs("\n       ", stdout), plain(stdout, k->text);
        putchar('\n');
        if (k->verdict == NO_COMPILE || (m->hostile && k->verdict == NOT_ALLOWED)) break;     /* the same for all */
    }
    if (*m->said) fputs("  what compiler and program said:\n", stdout), plain(stdout, m->said), putchar('\n');
}

/* ---- CSV ---- */

static void csv_field(FILE *f, const char *text)
{
    putc('"', f);
    if (*text && strchr("=+-@\t\r", *text)) putc('\'', f);
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c < 32 || *c == 127) fprintf(f, "\\x%02x", *c);
        else { if (*c == '"') putc('"', f);  putc(*c, f); }
    }
    putc('"', f);
}

/* What stands in the way of full points, in a line. */
static void csv_note(FILE *f, const Pupil *p)
{
    char note[6000] = "";
    size_t used = 0;
    for (int i = 0; i < exercises_count(); i++) {
        const Exercise *e = exercise_at(i);
        for (int c = 0; c < e->checks && p->marks[i].present; c++) {
            const Mark *k = &p->marks[i].check[c];
            if (k->verdict == PASSED || used > sizeof note - 1000) continue;
            used += (size_t)snprintf(note + used, sizeof note - used, "%s%s %s: %s%s%s", used ? "; " : "", e->id, e->check[c].name, verdict_name(k->verdict), *k->text ? ", " : "", k->text);
            if (k->verdict == NO_COMPILE || k->verdict == NOT_ALLOWED) break;
        }
    }
    csv_field(f, note);
}

/* Written beside and renamed: a half-written file of marks is never seen. */
static FILE *open_beside(const char *file, char *part, size_t size) { snprintf(part, size, "%s.part", file);  return fopen(part, "w"); }
static int close_beside(FILE *f, const char *part, const char *file)
{
    int ok = !ferror(f);
    return !fclose(f) && ok && !rename(part, file);
}

int report_csv(const char *file, const Pupil *p, int pupils)
{
    char part[1100];
    FILE *f = open_beside(file, part, sizeof part);
    if (!f) return 0;
    fputs("name,total", f);
    for (int i = 0; i < exercises_count(); i++) fprintf(f, ",%s", exercise_at(i)->id);
    fputs(",hostile,notes\n", f);
    for (int k = 0; k < pupils; k++) {
        int total = 0, hostile = 0;
        for (int i = 0; i < exercises_count(); i++) total += points_of(exercise_at(i), &p[k].marks[i]), hostile |= p[k].marks[i].hostile;
        csv_field(f, p[k].name), fprintf(f, ",%d", total);
        for (int i = 0; i < exercises_count(); i++) {
            if (p[k].marks[i].present) fprintf(f, ",%d", points_of(exercise_at(i), &p[k].marks[i])); else putc(',', f);
        }
        fputs(hostile ? ",yes," : ",,", f), csv_note(f, &p[k]), putc('\n', f);
    }
    return close_beside(f, part, file);
}

/* ---- JSON ---- */

/* How long the UTF-8 character at c is; 0 if it is none.  JSON may hold nothing else. */
static int utf8(const unsigned char *c)
{
    int n = *c < 0x80 ? 1 : *c >= 0xc2 && *c < 0xe0 ? 2 : (*c & 0xf0) == 0xe0 ? 3 : *c >= 0xf0 && *c < 0xf5 ? 4 : 0;
    for (int i = 1; i < n; i++) if ((c[i] & 0xc0) != 0x80) return 0;
    if (n == 3 && ((*c == 0xe0 && c[1] < 0xa0) || (*c == 0xed && c[1] > 0x9f))) return 0;
    if (n == 4 && ((*c == 0xf0 && c[1] < 0x90) || (*c == 0xf4 && c[1] > 0x8f))) return 0;
    return n;
}

static void json_text(FILE *f, const char *text)
{
    putc('"', f);
    for (const unsigned char *c = (const unsigned char *)text; *c;) {
        int n = utf8(c);
        if (n == 1 && (*c == '"' || *c == '\\')) fprintf(f, "\\%c", *c);
        else if (n == 1 && (*c < 32 || *c == 127)) fprintf(f, "\\u%04x", *c);
        else if (n) fwrite(c, 1, (size_t)n, f);
        else putc('?', f);
        c += n ? n : 1;
    }
    putc('"', f);
}

static void json_marks(FILE *f, const Exercise *e, const Marks *m)
{
    fprintf(f, "{\"exercise\": \"%s\", \"points\": %d, \"of\": %d, \"hostile\": %s, \"checks\": [", e->id, points_of(e, m), points_possible(e), m->hostile ? "true" : "false");
    for (int c = 0; c < e->checks; c++) {
        fprintf(f, "%s{\"name\": ", c ? ", " : ""), json_text(f, e->check[c].name);
        fprintf(f, ", \"verdict\": \"%s\", \"points\": %d, \"of\": %d, \"text\": ", verdict_name(m->check[c].verdict), m->check[c].points, e->check[c].points);
        json_text(f, m->check[c].text), putc('}', f);
    }
    fputs("]}", f);
}

int report_json(const char *file, const Pupil *p, int pupils, uint64_t seed, const char *sandbox)
{
    char part[1100];
    int to_stdout = !strcmp(file, "-");
    FILE *f = to_stdout ? stdout : open_beside(file, part, sizeof part);
    if (!f) return 0;
    fprintf(f, "{\"seed\": \"%llu\", \"sandbox\": ", (unsigned long long)seed), json_text(f, sandbox), fputs(", \"students\": [", f);
    for (int k = 0; k < pupils; k++) {
        int first = 1;
        fprintf(f, "%s\n{\"name\": ", k ? "," : ""), json_text(f, p[k].name), fputs(", \"exercises\": [", f);
        for (int i = 0; i < exercises_count(); i++) {
            if (!p[k].marks[i].present) continue;
            fputs(first ? "" : ",\n  ", f), json_marks(f, exercise_at(i), &p[k].marks[i]), first = 0;
        }
        fputs("]}", f);
    }
    fputs("\n]}\n", f);
    return to_stdout ? !fflush(f) : close_beside(f, part, file);
}

/* Gradescope takes whatever lies there when the container ends.  So zero is written first, and the marks at the end. */
int report_gradescope(const char *file, const Pupil *p, const char *trouble)
{
    char part[1100];
    FILE *f = open_beside(file, part, sizeof part);
    int score = 0, first = 1;
    if (!f) return 0;
    for (int i = 0; i < exercises_count() && !trouble; i++) score += points_of(exercise_at(i), &p->marks[i]);
    fprintf(f, "{\"score\": %d, \"visibility\": \"visible\", \"stdout_visibility\": \"hidden\", \"output\": ", score);
    json_text(f, trouble ? trouble : ""), fputs(", \"tests\": [", f);
    for (int i = 0; i < exercises_count() && !trouble; i++) {
        const Exercise *e = exercise_at(i);
        for (int c = 0; c < e->checks && p->marks[i].present; c++) {
            const Mark *k = &p->marks[i].check[c];
            fprintf(f, "%s\n{\"name\": ", first ? "" : ","), json_text(f, e->check[c].name), first = 0;
            fprintf(f, ", \"number\": \"%s.%d\", \"score\": %d, \"max_score\": %d, \"status\": \"%s\", \"output\": ", e->id, c + 1, k->points, e->check[c].points, k->verdict == PASSED ? "passed" : "failed");
            char text[TEXT + 40];
            snprintf(text, sizeof text, "%s%s%s", verdict_name(k->verdict), *k->text ? ": " : "", k->text);
            json_text(f, text), putc('}', f);
        }
    }
    fputs("]}\n", f);
    return close_beside(f, part, file);
}

void report_autolab(const Pupil *p)
{
    int first = 1;
    printf("{\"scores\": {");
    for (int i = 0; i < exercises_count(); i++) {
        if (!p->marks[i].present) continue;
        printf("%s\"%s\": %d", first ? "" : ", ", exercise_at(i)->id, points_of(exercise_at(i), &p->marks[i])), first = 0;
    }
    printf("}}\n");
}
