package org.tensorflow.lite;

import java.io.File;
import java.util.Map;

/** TEST STUB: computes what a test tells it to. */
public final class Interpreter implements AutoCloseable {
    /** What the stub does for an interpreter. */
    public interface Backend {
        void run(File file, int threads, Map<String, Object> inputs, Map<String, Object> outputs, String signature);
    }

    public static Backend stubBackend;

    public static class Options {
        private int threads = -1;

        public Options setNumThreads(int threads) {
            this.threads = threads;
            return this;
        }
    }

    private final File file;
    private final Options options;

    public Interpreter(File file, Options options) {
        if (!file.isFile()) throw new IllegalArgumentException("not a file");
        this.file = file;
        this.options = options;
    }

    public void runSignature(Map<String, Object> inputs, Map<String, Object> outputs, String signature) {
        stubBackend.run(file, options.threads, inputs, outputs, signature);
    }

    @Override
    public void close() {}
}
