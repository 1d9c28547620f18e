/* An Analog Discovery 2 with a crossbar behind its pins, as far as the WaveForms runtime shows it.
 *
 * Pins decide everything: what the outputs hold and what the digital lines say selects rows and columns, the
 * circuit is solved for the voltages of all lines, cells above their threshold change, and the inputs show
 * what the transimpedance stages make of the currents. Time is the computer's. What the pins last did is kept
 * in a file that outlives the process (DWF_RECORD), so do the conductances, as in a non-volatile array.
 * DWF_SCENE says what is plugged in and what goes wrong, e.g. "stuck 2 3 1e-4; unplugged reads 12" (reads 0: at
 * the first one after a file `pull` appears).
 */
#define _GNU_SOURCE
#include "board.h"
#include "dwf.h"

#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { OUTPUTS = 2, INPUTS = 2, LINES = 16, LARGEST_BUFFER = 8192, NODES = ROWS + COLUMNS, HANDLE = 1 };
enum { DISCOVERY2 = 3, DISCOVERY3 = 10 };
enum { UNKNOWN_ERROR = 1, API_LOCK_TIMEOUT = 2, ALREADY_OPENED = 3, NOT_SUPPORTED = 4, BAD_HANDLE = 0x10, BAD_ARGUMENT = 0x11 };
enum { READY = 0, DONE = 2, RUNNING = 3 };
enum { FUNC_DC = 0, FUNC_CUSTOM = 30, IDLE_OFFSET = 1 };
enum { TEXT_INFO = -2, TYPE_FILTER = 0x8000000, USB = 1 };

static const double SWITCH_OHM = 70, LEAK_S = 1e-12, TIA_LIMIT_V = 4.0, TIA_OFFSET_V = 2e-3;
static const double ADC_NOISE_V = 1e-3, READ_NOISE = 2e-3, ADC_STEPS = 16384;
/* Cells: nothing below the threshold; above it a step towards the end of the range, exponential in voltage. */
static const double LOWEST_S = 2e-6, HIGHEST_S = 1e-4, THRESHOLD_V = 1.05, SCALE_V = 0.3, RATE_HZ = 15, CYCLE_SPREAD = 0.15;

/* ---- what is remembered, laid out as tests/bench/record.py reads it */

enum { EVENTS = 32, EVENT_LENGTH = 96, MAGIC = 0x44574632 };
struct record {
    uint32_t magic, open, plugged, board_powered, rows_connected, columns_connected, lines, driven_lines;
    double volts[OUTPUTS], peak_volts[OUTPUTS], peak_read_cell_v, peak_pulse_cell_v, peak_half_selected_v;
    int64_t calls, reads, pulses, failed_calls, events;
    double conductance[ROWS][COLUMNS];
    char event[EVENTS][EVENT_LENGTH];
};
static struct record nowhere, *rec = &nowhere;

static void note(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(rec->event[rec->events++ % EVENTS], EVENT_LENGTH, format, list);
    va_end(list);
}

/* ---- the scene */

static double stuck_s[ROWS][COLUMNS], stage_s = 2e-5;
static int present = 1, kind = DISCOVERY2, busy;
static char device_name[32] = "Analog Discovery 2 (simulated)";
enum fault { NONE, UNPLUGGED, WEDGED, HUNG, BLOCKED, LOCKED, SILENT };
static enum fault fault;
static int fault_in_pulse, fault_on_file, fault_struck;
static volatile int locked;
static long fault_at;
static uint64_t random_state = 1;

static double uniform(void)
{
    uint64_t z = (random_state += 0x9e3779b97f4a7c15u); /* splitmix64 */
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return ((double)((z ^ (z >> 31)) >> 11) + 0.5) / 9007199254740992.0;
}

static double normal(void) { return sqrt(-2 * log(uniform())) * cos(2 * M_PI * uniform()); }

static void read_scene(const char *scene)
{
    static const char *const FAULTS[] = {"", "unplugged", "wedged", "hung", "blocked", "locked", "silent"};
    char text[8192], *rest = text, *part, word[32], event[32];
    int row, column;
    double siemens;
    long number;
    snprintf(text, sizeof text, "%s", scene);
    while ((part = strsep(&rest, ";"))) {
        if (sscanf(part, " stuck %d %d %lf", &row, &column, &siemens) == 3)
            stuck_s[row][column] = siemens;
        else if (sscanf(part, " seed %ld", &number) == 1)
            random_state = (uint64_t)number;
        else if (sscanf(part, " stage %lf", &stage_s) == 1)
            ;
        else if (sscanf(part, " %31s %31s %ld", word, event, &number) == 3) {
            for (int f = UNPLUGGED; f <= SILENT; f++)
                if (!strcmp(word, FAULTS[f]))
                    fault = f;
            fault_in_pulse = !strcmp(event, "pulses");
            fault_at = number;
            fault_on_file = number == 0;
        } else if (sscanf(part, " %31s", word) == 1) {
            present &= strcmp(word, "absent") != 0;
            busy |= !strcmp(word, "busy");
            if (!strcmp(word, "other"))
                kind = DISCOVERY3, strcpy(device_name, "Analog Discovery 3 (simulated)");
            if (!strcmp(word, "unlabelled"))
                strcpy(device_name, "Analog Discovery 2");
        }
    }
}

/* ---- state of the instrument */

struct wave {
    int enabled, function, samples, repeat, idle;
    double amplitude, offset, run, data[64];
};
static struct output {
    struct wave set, active;
    int state, master;
    double end;
} output[OUTPUTS];
static struct input { int enabled; double range, offset; } input[INPUTS];
static struct { double rate; int samples, state, have; double start, data[INPUTS][LARGEST_BUFFER]; } acquisition;
static uint64_t lines_set, enable_set, lines_out, lines_enabled;
static struct { int master, enabled[2]; double volts[2]; } supply_set, supply;
static int auto_configure = 1, last_error, on_close;
static char last_message[512];
static double last_time, pulse_spread = 1, line_v[NODES], bank_v[BANKS], bank_target_v[BANKS], changed_at;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- the board */

enum { OPEN = -2, ON_BIAS = -1 }; /* otherwise the line that is selected */

static int selected(const struct mux *mux)
{
    if (!rec->board_powered || (int)(rec->lines >> mux->enable_line & 1) != mux->enable_high)
        return OPEN;
    int address = 0;
    for (int k = 0; k < mux->bits; k++)
        address |= (int)(rec->lines >> mux->address[k] & 1) << k;
    return address < mux->count ? mux->lines[address] : ON_BIAS;
}

static int grounded(void) { return (int)(rec->lines >> GROUND_LINE & 1) == GROUND_HIGH; }

/* Voltages of all lines: every line hangs on a source behind a resistance, or leaks, and on its cells. */
static void solve(void)
{
    static double a[NODES][NODES + 1];
    int row = selected(&ROW_MUX), on[COLUMNS], through[COLUMNS];
    memset(a, 0, sizeof a);
    rec->rows_connected = row == OPEN ? 0 : ROWS;
    rec->columns_connected = 0;
    for (int r = 0; r < ROWS; r++) {
        double s = row == OPEN ? LEAK_S : r == row ? 1 / (double)DRIVE_OHM : 1 / SWITCH_OHM;
        double v = row == OPEN ? 0 : rec->volts[r == row ? DRIVE : BIAS];
        a[r][r] += s, a[r][NODES] += s * v;
    }
    for (int b = 0; b < BANKS; b++) {
        int column = selected(&BANK[b].mux);
        for (int k = 0; k < BANK[b].mux.count; k++) {
            int c = BANK[b].mux.lines[k];
            on[c] = column != OPEN, through[c] = column == c;
            rec->columns_connected += (uint32_t)on[c];
            double s = on[c] ? 1 / SWITCH_OHM : LEAK_S, v = on[c] && !through[c] ? rec->volts[BIAS] : 0;
            a[ROWS + c][ROWS + c] += s, a[ROWS + c][NODES] += s * v;
        }
    }
    for (int r = 0; r < ROWS; r++)
        for (int c = 0; c < COLUMNS; c++) {
            double g = rec->conductance[r][c];
            a[r][r] += g, a[ROWS + c][ROWS + c] += g;
            a[r][ROWS + c] -= g, a[ROWS + c][r] -= g;
        }
    for (int p = 0; p < NODES; p++) /* diagonally dominant: no pivoting */
        for (int q = p + 1; q < NODES; q++) {
            double f = a[q][p] / a[p][p];
            if (f != 0)
                for (int k = p; k <= NODES; k++)
                    a[q][k] -= f * a[p][k];
        }
    for (int p = NODES - 1; p >= 0; p--) {
        line_v[p] = a[p][NODES];
        for (int k = p + 1; k < NODES; k++)
            line_v[p] -= a[p][k] * line_v[k];
        line_v[p] /= a[p][p];
    }
    int pulsing = output[DRIVE].state == RUNNING && output[DRIVE].active.function != FUNC_DC;
    for (int r = 0; r < ROWS; r++)
        for (int c = 0; c < COLUMNS; c++) {
            double v = fabs(line_v[r] - line_v[ROWS + c]);
            double *peak = !pulsing ? &rec->peak_read_cell_v
                           : r == row && through[c] ? &rec->peak_pulse_cell_v : &rec->peak_half_selected_v;
            *peak = fmax(*peak, v);
        }
}

static double bank_now(int b, double t) { return bank_target_v[b] + (bank_v[b] - bank_target_v[b]) * exp((changed_at - t) / stage_s); }

static void stress(double seconds)
{
    if (seconds <= 0)
        return;
    for (int r = 0; r < ROWS; r++)
        for (int c = 0; c < COLUMNS; c++) {
            double v = line_v[r] - line_v[ROWS + c], *g = &rec->conductance[r][c];
            if (stuck_s[r][c] > 0 || fabs(v) <= THRESHOLD_V)
                continue;
            double share = 1 - exp(-RATE_HZ * seconds * pulse_spread * (exp((fabs(v) - THRESHOLD_V) / SCALE_V) - 1));
            *g += share * ((v > 0 ? HIGHEST_S : LOWEST_S) - *g);
        }
}

/* Pins as they are now, and what follows from them. */
static void refresh(double t)
{
    uint32_t lines = 0, powered;
    double volts[OUTPUTS];
    for (int k = 0; k < LINES; k++) /* lines nobody drives are pulled up on the board */
        lines |= (uint32_t)(rec->plugged && lines_enabled >> k & 1 ? lines_out >> k & 1 : 1) << k;
    powered = !NEEDS_SUPPLIES || (rec->plugged && supply.master && supply.enabled[0] && supply.enabled[1]
                                  && supply.volts[0] > 4.4 && supply.volts[1] < -4.4);
    for (int k = 0; k < OUTPUTS; k++) {
        const struct wave *w = &output[k].active;
        volts[k] = output[k].state == RUNNING ? w->offset + (w->function == FUNC_CUSTOM ? w->amplitude * w->data[0] : 0)
                                              : w->idle == IDLE_OFFSET ? w->offset : 0;
        if (!w->enabled || !rec->plugged)
            volts[k] = 0;
    }
    for (int b = 0; b < BANKS; b++)
        bank_v[b] = bank_now(b, t);
    changed_at = t;
    if (lines != rec->lines || powered != rec->board_powered || memcmp(volts, rec->volts, sizeof volts))
        note("W1 %.6g V, W2 %.6g V, lines 0x%04x, board %s", volts[0], volts[1], lines, powered ? "on" : "off");
    rec->lines = lines, rec->board_powered = powered, rec->driven_lines = (uint32_t)lines_enabled;
    memcpy(rec->volts, volts, sizeof volts);
    for (int k = 0; k < OUTPUTS; k++)
        rec->peak_volts[k] = fmax(rec->peak_volts[k], fabs(volts[k]));
    solve();
    for (int b = 0; b < BANKS; b++) {
        int column = selected(&BANK[b].mux);
        double amperes = column >= 0 && !grounded() ? line_v[ROWS + column] / SWITCH_OHM : 0;
        double v = BANK[b].gain * (double)BANK[b].ohm * amperes;
        bank_target_v[b] = fmax(-TIA_LIMIT_V, fmin(TIA_LIMIT_V, v)) + TIA_OFFSET_V * (b + 1);
    }
}

/* Let time pass: cells under a pulse change, a pulse that is over ends by itself. */
static void advance(void)
{
    double t = now(), end = output[DRIVE].end;
    if (output[DRIVE].state == RUNNING && end > 0 && t >= end) {
        stress(end - last_time);
        for (int k = 0; k < OUTPUTS; k++)
            if (output[k].state == RUNNING && output[k].end > 0)
                output[k].state = DONE;
        refresh(end);
    } else {
        stress(t - last_time);
    }
    last_time = t;
}

static void unplug(void)
{
    note("unplugged");
    rec->plugged = 0;
    refresh(now());
}

/* ---- calls and their errors */

static int fail(int code, const char *message)
{
    last_error = code;
    snprintf(last_message, sizeof last_message, "%s\n", message);
    rec->failed_calls++;
    return 0;
}

int not_supported(const char *name)
{
    char message[128];
    snprintf(message, sizeof message, "%s is not part of the test library", name);
    return fail(NOT_SUPPORTED, message);
}

static int answers(int handle)
{
    rec->calls++;
    if (handle != HANDLE || !rec->open)
        return fail(BAD_HANDLE, "Invalid device handle");
    if (!rec->plugged || (fault == WEDGED && fault_struck))
        return fail(UNKNOWN_ERROR, "Device communication failed");
    if (locked)
        return fail(API_LOCK_TIMEOUT, "API waiting on pending API timed out");
    advance();
    return 1;
}

/* 1 where the call goes on; a fault may strike instead. */
static int strikes(int pulse, long count)
{
    int now_is_the_time = fault_on_file ? access("pull", F_OK) == 0 : count == fault_at;
    if (fault == NONE || pulse != fault_in_pulse || !now_is_the_time || fault_struck)
        return 0;
    fault_struck = 1;
    if (fault == UNPLUGGED)
        unplug();
    return fault == UNPLUGGED || fault == WEDGED || fault == SILENT;
}

static void forever(void)
{
    locked = fault == LOCKED;
    for (;;)
        sleep(3600);
}

static int done(void)
{
    refresh(now());
    return 1;
}

#define ANSWER(handle) if (!answers(handle)) return 0
#define CHANNEL(index, count) if ((index) < 0 || (index) >= (count)) return fail(BAD_ARGUMENT, "No such channel")

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("DWF_RECORD"), *scene = getenv("DWF_SCENE");
    if (path) {
        int file = open(path, O_RDWR | O_CREAT, 0600);
        if (file < 0 || ftruncate(file, sizeof(struct record)) < 0)
            abort();
        rec = mmap(NULL, sizeof(struct record), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        close(file);
        if (rec == MAP_FAILED)
            abort();
    }
    read_scene(scene ? scene : "");
    if (rec->magic != MAGIC)
        for (int r = 0; r < ROWS; r++)
            for (int c = 0; c < COLUMNS; c++)
                rec->conductance[r][c] = LOWEST_S * (1 + 0.2 * uniform());
    for (int r = 0; r < ROWS; r++)
        for (int c = 0; c < COLUMNS; c++)
            if (stuck_s[r][c] > 0)
                rec->conductance[r][c] = stuck_s[r][c];
    rec->magic = MAGIC, rec->open = 0, rec->plugged = 1;
    rec->calls = rec->reads = rec->pulses = rec->failed_calls = 0;
    for (int k = 0; k < OUTPUTS; k++)
        output[k].master = k;
    last_time = now();
    refresh(last_time);
}

int FDwfGetLastError(int *code) { *code = last_error; return 1; }
int FDwfGetLastErrorMsg(char *text) { strcpy(text, last_message); return 1; }
int FDwfGetVersion(char *text) { strcpy(text, "3.22.2"); return 1; }

/* ---- finding and opening */

int FDwfEnum(int filter, int *count)
{
    int type = filter & TYPE_FILTER ? filter & USB : filter == 0 || filter == kind;
    *count = present && rec->plugged && type;
    return 1;
}
int FDwfEnumDeviceType(int index, int *id, int *revision) { CHANNEL(index, 1); *id = kind, *revision = 3; return 1; }
int FDwfEnumDeviceIsOpened(int index, int *used) { CHANNEL(index, 1); *used = busy; return 1; }
int FDwfEnumUserName(int index, char *text) { CHANNEL(index, 1); strcpy(text, "crossbar"); return 1; }
int FDwfEnumDeviceName(int index, char *text) { CHANNEL(index, 1); strcpy(text, device_name); return 1; }
int FDwfEnumSN(int index, char *text) { CHANNEL(index, 1); strcpy(text, "SN:210321000000"); return 1; }
int FDwfEnumConfig(int index, int *count) { CHANNEL(index, 1); *count = 1; return 1; }

int FDwfEnumConfigInfo(int index, int info, int *value)
{
    static const int VALUES[] = {0, INPUTS, OUTPUTS, 2, LINES, LINES, LINES, LARGEST_BUFFER, 4096, 4096, 1024};
    CHANNEL(index, 1);
    if (info == TEXT_INFO)
        *(char *)value = 0;
    else if (info > 0 && info <= 10)
        *value = VALUES[info];
    else
        return fail(BAD_ARGUMENT, "No such information");
    return 1;
}

int FDwfDeviceOpen(int index, int *handle)
{
    *handle = 0;
    CHANNEL(index, present);
    if (rec->open || busy)
        return fail(ALREADY_OPENED, "Device already opened");
    rec->open = 1, *handle = HANDLE;
    note("opened");
    return done();
}

static void reset(void)
{
    memset(&supply_set, 0, sizeof supply_set);
    supply = supply_set;
    for (int k = 0; k < OUTPUTS; k++)
        memset(&output[k], 0, sizeof output[k]), output[k].master = k;
    lines_set = enable_set = lines_out = lines_enabled = 0;
    auto_configure = 1;
    acquisition.state = READY;
}

int FDwfDeviceReset(int handle) { ANSWER(handle); reset(); note("reset"); return done(); }

int FDwfDeviceClose(int handle)
{
    if (handle != HANDLE || !rec->open)
        return fail(BAD_HANDLE, "Invalid device handle");
    if (rec->plugged && !(fault == WEDGED && fault_struck) && on_close == 2)
        reset();
    rec->open = 0;
    note("closed");
    return done();
}

int FDwfDeviceCloseAll(void) { return rec->open ? FDwfDeviceClose(HANDLE) : 1; }
int FDwfDeviceAutoConfigureSet(int handle, int on) { ANSWER(handle); auto_configure = on; return 1; }
int FDwfDeviceAutoConfigureGet(int handle, int *on) { ANSWER(handle); *on = auto_configure; return 1; }

int FDwfDeviceParamSet(int handle, int parameter, int value)
{
    ANSWER(handle);
    if (parameter != 4)
        return fail(NOT_SUPPORTED, "Parameter not supported");
    on_close = value;
    return 1;
}

/* ---- analog outputs */

static void configure_output(int k, int start)
{
    struct output *o = &output[k];
    o->active = o->set;
    if (start == 3 || (start && o->master != k))
        return; /* applied; a slave starts with its master */
    for (int s = 0; s < OUTPUTS; s++)
        if (s == k || (start && output[s].master == k)) {
            output[s].state = start ? RUNNING : READY;
            output[s].end = start && o->active.run > 0 ? now() + o->active.run : 0;
        }
}

int FDwfAnalogOutCount(int handle, int *count) { ANSWER(handle); *count = OUTPUTS; return 1; }
int FDwfAnalogOutNodeInfo(int handle, int k, int *nodes) { ANSWER(handle); CHANNEL(k, OUTPUTS); *nodes = 7; return 1; }

static int changed(int k)
{
    if (auto_configure)
        configure_output(k, 3);
    return done();
}

#define SET_OUTPUT(field, value) ANSWER(handle); CHANNEL(k, OUTPUTS); output[k].set.field = (value); return changed(k)
#define SET_NODE(field, value) if (node) return fail(NOT_SUPPORTED, "Only the carrier"); SET_OUTPUT(field, value)

int FDwfAnalogOutMasterSet(int handle, int k, int master) { ANSWER(handle); CHANNEL(k, OUTPUTS); output[k].master = master; return 1; }
int FDwfAnalogOutRunSet(int handle, int k, double seconds) { SET_OUTPUT(run, seconds); }
int FDwfAnalogOutRepeatSet(int handle, int k, int count) { SET_OUTPUT(repeat, count); }
int FDwfAnalogOutIdleSet(int handle, int k, int idle) { SET_OUTPUT(idle, idle); }
int FDwfAnalogOutNodeEnableSet(int handle, int k, int node, int on) { SET_NODE(enabled, on); }
int FDwfAnalogOutNodeAmplitudeSet(int handle, int k, int node, double volts) { SET_NODE(amplitude, fmax(0, fmin(5, volts))); }
int FDwfAnalogOutNodeOffsetSet(int handle, int k, int node, double volts) { SET_NODE(offset, fmax(-5, fmin(5, volts))); }

int FDwfAnalogOutNodeFrequencySet(int handle, int k, int node, double hertz)
{
    ANSWER(handle);
    CHANNEL(k, OUTPUTS);
    return node == 0 && hertz > 0 ? 1 : fail(BAD_ARGUMENT, "No such frequency");
}

int FDwfAnalogOutNodeFunctionSet(int handle, int k, int node, unsigned char function)
{
    if (function != FUNC_DC && function != FUNC_CUSTOM)
        return fail(NOT_SUPPORTED, "Only DC and custom waves");
    SET_NODE(function, function);
}

int FDwfAnalogOutNodeDataSet(int handle, int k, int node, double *data, int count)
{
    if (count < 1 || count > 64)
        return fail(BAD_ARGUMENT, "Too many samples");
    for (int n = 0; n < count; n++)
        if (fabs(data[n]) > 1 || data[n] != data[0])
            return fail(NOT_SUPPORTED, "Only flat waves within +-1");
    if (k >= 0 && k < OUTPUTS)
        memcpy(output[k].set.data, data, (size_t)count * sizeof *data);
    SET_NODE(samples, count);
}

int FDwfAnalogOutReset(int handle, int k)
{
    ANSWER(handle);
    for (int c = 0; c < OUTPUTS; c++)
        if (k == c || k == -1)
            memset(&output[c], 0, sizeof output[c]), output[c].master = c;
    return done();
}

int FDwfAnalogOutConfigure(int handle, int k, int start)
{
    ANSWER(handle);
    CHANNEL(k, OUTPUTS);
    int pulse = start == 1 && k == DRIVE && output[k].set.function == FUNC_CUSTOM;
    if (pulse) {
        rec->pulses++;
        if (strikes(1, rec->pulses))
            return fault == SILENT ? (last_error = 0, last_message[0] = 0, 0) : fail(UNKNOWN_ERROR, "Device communication failed");
        pulse_spread = exp(CYCLE_SPREAD * normal());
    }
    configure_output(k, start);
    return done();
}

int FDwfAnalogOutStatus(int handle, int k, unsigned char *state)
{
    ANSWER(handle);
    CHANNEL(k, OUTPUTS);
    int struck = fault_struck && fault_in_pulse && output[k].set.function == FUNC_CUSTOM;
    if (struck && (fault == BLOCKED || fault == LOCKED))
        forever();
    *state = (unsigned char)(struck && fault == HUNG ? RUNNING : output[k].state);
    return 1;
}

/* ---- analog inputs */

int FDwfAnalogInChannelCount(int handle, int *count) { ANSWER(handle); *count = INPUTS; return 1; }
int FDwfAnalogInBitsInfo(int handle, int *bits) { ANSWER(handle); *bits = 14; return 1; }
int FDwfAnalogInReset(int handle) { ANSWER(handle); acquisition.state = READY; return 1; }
int FDwfAnalogInChannelEnableSet(int handle, int k, int on) { ANSWER(handle); CHANNEL(k, INPUTS); input[k].enabled = on; return 1; }
int FDwfAnalogInChannelEnableGet(int handle, int k, int *on) { ANSWER(handle); CHANNEL(k, INPUTS); *on = input[k].enabled; return 1; }
int FDwfAnalogInChannelFilterSet(int handle, int k, int filter) { ANSWER(handle); CHANNEL(k, INPUTS); return filter == 1 ? 1 : fail(NOT_SUPPORTED, "Only averages"); }
int FDwfAnalogInChannelRangeSet(int handle, int k, double volts) { ANSWER(handle); CHANNEL(k, INPUTS); input[k].range = volts <= 5 ? 5 : 50; return 1; }
int FDwfAnalogInChannelRangeGet(int handle, int k, double *volts) { ANSWER(handle); CHANNEL(k, INPUTS); *volts = input[k].range; return 1; }
int FDwfAnalogInChannelOffsetSet(int handle, int k, double volts) { ANSWER(handle); CHANNEL(k, INPUTS); input[k].offset = volts; return 1; }
int FDwfAnalogInAcquisitionModeSet(int handle, int mode) { ANSWER(handle); return mode == 0 ? 1 : fail(NOT_SUPPORTED, "Only single acquisitions"); }
int FDwfAnalogInTriggerSourceSet(int handle, unsigned char source) { ANSWER(handle); return source == 0 ? 1 : fail(NOT_SUPPORTED, "No triggers"); }
int FDwfAnalogInFrequencySet(int handle, double hertz) { ANSWER(handle); acquisition.rate = hertz; return 1; }
int FDwfAnalogInFrequencyGet(int handle, double *hertz) { ANSWER(handle); *hertz = acquisition.rate; return 1; }
int FDwfAnalogInBufferSizeSet(int handle, int n) { ANSWER(handle); acquisition.samples = n < LARGEST_BUFFER ? n : LARGEST_BUFFER; return 1; }
int FDwfAnalogInBufferSizeGet(int handle, int *n) { ANSWER(handle); *n = acquisition.samples; return 1; }
int FDwfAnalogInStatusSamplesValid(int handle, int *n) { ANSWER(handle); *n = acquisition.have ? acquisition.samples : 0; return 1; }

int FDwfAnalogInConfigure(int handle, int reconfigure, int start)
{
    (void)reconfigure;
    ANSWER(handle);
    if (!start)
        return 1;
    rec->reads++;
    if (strikes(0, rec->reads))
        return fault == SILENT ? (last_error = 0, last_message[0] = 0, 0) : fail(UNKNOWN_ERROR, "Device communication failed");
    acquisition.state = RUNNING, acquisition.have = 0, acquisition.start = now();
    return 1;
}

static void sample(void)
{
    for (int b = 0; b < BANKS; b++) {
        int k = BANK[b].input;
        double half = input[k].range / 2, step = input[k].range / ADC_STEPS, noise = 1 + READ_NOISE * normal();
        for (int n = 0; n < acquisition.samples; n++) {
            double v = bank_now(b, acquisition.start + n / acquisition.rate) * noise + ADC_NOISE_V * normal();
            acquisition.data[k][n] = fmax(-half, fmin(half - step, step * round(v / step)));
        }
    }
    acquisition.have = 1;
}

int FDwfAnalogInStatus(int handle, int read_data, unsigned char *state)
{
    ANSWER(handle);
    if (fault_struck && !fault_in_pulse && (fault == BLOCKED || fault == LOCKED))
        forever();
    int hung = fault_struck && !fault_in_pulse && fault == HUNG;
    double ready = acquisition.start + acquisition.samples / acquisition.rate;
    if (acquisition.state == RUNNING && !hung && now() >= ready)
        acquisition.state = DONE;
    if (acquisition.state == DONE && read_data && !acquisition.have)
        sample();
    *state = (unsigned char)acquisition.state;
    return 1;
}

int FDwfAnalogInStatusData2(int handle, int k, double *data, int first, int count)
{
    ANSWER(handle);
    CHANNEL(k, INPUTS);
    if (!acquisition.have || !input[k].enabled || first < 0 || first + count > acquisition.samples)
        return fail(BAD_ARGUMENT, "No such data");
    memcpy(data, acquisition.data[k] + first, (size_t)count * sizeof *data);
    return 1;
}

/* ---- digital lines and supplies */

static int lines_changed(void)
{
    if (auto_configure)
        lines_out = lines_set, lines_enabled = enable_set;
    return done();
}

int FDwfDigitalInBitsInfo(int handle, int *bits) { ANSWER(handle); *bits = LINES; return 1; }
int FDwfDigitalOutCount(int handle, int *count) { ANSWER(handle); *count = LINES; return 1; }
int FDwfDigitalIOReset(int handle) { ANSWER(handle); lines_set = enable_set = 0; return lines_changed(); }
int FDwfDigitalIOOutputSet64(int handle, unsigned long long bits) { ANSWER(handle); lines_set = bits; return lines_changed(); }
int FDwfDigitalIOOutputGet64(int handle, unsigned long long *bits) { ANSWER(handle); *bits = lines_set; return 1; }
int FDwfDigitalIOOutputEnableSet64(int handle, unsigned long long bits) { ANSWER(handle); enable_set = bits; return lines_changed(); }
int FDwfDigitalIOOutputEnableGet64(int handle, unsigned long long *bits) { ANSWER(handle); *bits = enable_set; return 1; }

int FDwfDigitalIOConfigure(int handle)
{
    ANSWER(handle);
    lines_out = lines_set, lines_enabled = enable_set;
    return done();
}

int FDwfAnalogIOChannelCount(int handle, int *count) { ANSWER(handle); *count = 2; return 1; }
int FDwfAnalogIOChannelInfo(int handle, int k, int *nodes) { ANSWER(handle); CHANNEL(k, 2); *nodes = 2; return 1; }

static int supply_changed(void)
{
    if (auto_configure)
        supply = supply_set;
    return done();
}

int FDwfAnalogIOChannelNodeSet(int handle, int k, int node, double value)
{
    ANSWER(handle);
    CHANNEL(k, 2);
    CHANNEL(node, 2);
    if (node == 0)
        supply_set.enabled[k] = value != 0;
    else
        supply_set.volts[k] = value;
    return supply_changed();
}

int FDwfAnalogIOEnableSet(int handle, int on) { ANSWER(handle); supply_set.master = on; return supply_changed(); }
int FDwfAnalogIOConfigure(int handle) { ANSWER(handle); supply = supply_set; return done(); }
