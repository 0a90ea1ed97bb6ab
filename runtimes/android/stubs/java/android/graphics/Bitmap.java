package android.graphics;

/** TEST STUB: pixels are non-premultiplied ARGB numbers. */
public final class Bitmap {
    public enum Config { ALPHA_8, RGB_565, ARGB_4444, ARGB_8888, RGBA_F16, HARDWARE }

    private final int width;
    private final int height;
    private final Config config;
    private final int[] pixels;

    private Bitmap(int width, int height, Config config) {
        this.width = width;
        this.height = height;
        this.config = config;
        this.pixels = new int[width * height];
    }

    public static Bitmap createBitmap(int width, int height, Config config) {
        return new Bitmap(width, height, config);
    }

    public int getWidth() { return width; }

    public int getHeight() { return height; }

    public Config getConfig() { return config; }

    public Bitmap copy(Config config, boolean isMutable) {
        Bitmap copy = new Bitmap(width, height, config);
        System.arraycopy(pixels, 0, copy.pixels, 0, pixels.length);
        return copy;
    }

    public void getPixels(int[] into, int offset, int stride, int x, int y, int width, int height) {
        if (config == Config.HARDWARE) throw new IllegalStateException("unable to getPixels(), pixel access is not supported on Config#HARDWARE bitmaps");
        for (int row = 0; row < height; row++) System.arraycopy(pixels, (y + row) * this.width + x, into, offset + row * stride, width);
    }

    public void setPixels(int[] from, int offset, int stride, int x, int y, int width, int height) {
        for (int row = 0; row < height; row++) System.arraycopy(from, offset + row * stride, pixels, (y + row) * this.width + x, width);
    }

    public int getPixel(int x, int y) { return pixels[y * width + x]; }
}
