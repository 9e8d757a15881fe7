/* A network of two dense layers and its training by plain descent, as one would write it for its sizes.
   The sizes and what differs come from the command line: IN, HID, OUT, BATCH, RELU or TANH or neither (sigmoid),
   SOFTMAX, CROSS or neither (half the squared error), FROZEN (biases stay). */
#include <math.h>

static double squash(double z) { return 1.0 / (1.0 + exp(-z)); }

double train(double *w1, double *b1, double *w2, double *b2, const double *xs, const double *ts, const long *rows,
             long iterations, double rate) {
    double last = 0.0;
    for (long it = 0; it < iterations; it++) {
        static double h[BATCH][HID], o[BATCH][OUT], dh[BATCH][HID], dk[BATCH][OUT];
        static double g1[HID][IN], g2[OUT][HID], gb1[HID], gb2[OUT];
        double loss = 0.0;
        for (int s = 0; s < BATCH; s++) {
            const double *x = xs + rows[it * BATCH + s] * IN, *t = ts + rows[it * BATCH + s] * OUT;
            for (int i = 0; i < HID; i++) {
                double net = w1[i * IN] * x[0];
                for (int j = 1; j < IN; j++) net += w1[i * IN + j] * x[j];
                net += b1[i];
#if defined(RELU)
                h[s][i] = net > 0.0 ? net : 0.0;
#elif defined(TANH)
                h[s][i] = tanh(net);
#else
                h[s][i] = squash(net);
#endif
            }
            for (int i = 0; i < OUT; i++) {
                double net = w2[i * HID] * h[s][0];
                for (int j = 1; j < HID; j++) net += w2[i * HID + j] * h[s][j];
                o[s][i] = net + b2[i];
            }
#if defined(SOFTMAX)
            double top = o[s][0], sum = 0.0;
            for (int i = 1; i < OUT; i++) if (o[s][i] > top) top = o[s][i];
            for (int i = 0; i < OUT; i++) sum += exp(o[s][i] - top);
            for (int i = 0; i < OUT; i++) {
                double p = exp(o[s][i] - top) / sum;
                if (t[i] != 0.0) loss -= t[i] * log(p) / BATCH;
                dk[s][i] = (p - t[i]) / BATCH;
            }
#else
            for (int i = 0; i < OUT; i++) {
                double p = squash(o[s][i]);
#if defined(CROSS)
                loss -= (t[i] * log(p) + (1.0 - t[i]) * log(1.0 - p)) / (BATCH * OUT);
                dk[s][i] = (p - t[i]) / (BATCH * OUT);
#else
                loss += 0.5 * (p - t[i]) * (p - t[i]);
                dk[s][i] = (p - t[i]) * p * (1.0 - p);
#endif
            }
#endif
            for (int j = 0; j < HID; j++) {
                double sum = 0.0;
                for (int i = 0; i < OUT; i++) sum += w2[i * HID + j] * dk[s][i];
#if defined(RELU)
                dh[s][j] = h[s][j] > 0.0 ? sum : 0.0;
#elif defined(TANH)
                dh[s][j] = sum * (1.0 - h[s][j] * h[s][j]);
#else
                dh[s][j] = sum * h[s][j] * (1.0 - h[s][j]);
#endif
            }
        }
        for (int i = 0; i < HID; i++) { gb1[i] = 0.0; for (int j = 0; j < IN; j++) g1[i][j] = 0.0; }
        for (int i = 0; i < OUT; i++) { gb2[i] = 0.0; for (int j = 0; j < HID; j++) g2[i][j] = 0.0; }
        for (int s = 0; s < BATCH; s++) {
            const double *x = xs + rows[it * BATCH + s] * IN;
            for (int i = 0; i < HID; i++) {
                gb1[i] += dh[s][i];
                for (int j = 0; j < IN; j++) g1[i][j] += dh[s][i] * x[j];
            }
            for (int i = 0; i < OUT; i++) {
                gb2[i] += dk[s][i];
                for (int j = 0; j < HID; j++) g2[i][j] += dk[s][i] * h[s][j];
            }
        }
        for (int i = 0; i < HID; i++) for (int j = 0; j < IN; j++) w1[i * IN + j] -= rate * g1[i][j];
        for (int i = 0; i < OUT; i++) for (int j = 0; j < HID; j++) w2[i * HID + j] -= rate * g2[i][j];
#if !defined(FROZEN)
        for (int i = 0; i < HID; i++) b1[i] -= rate * gb1[i];
        for (int i = 0; i < OUT; i++) b2[i] -= rate * gb2[i];
#endif
        last = loss;
    }
    return last;
}
