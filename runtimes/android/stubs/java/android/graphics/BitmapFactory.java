package android.graphics;

import java.io.InputStream;

/** TEST STUB: decodes with Java's own reader. */
public class BitmapFactory {
    public static class Options {
        public boolean inScaled;
    }

    public static Bitmap decodeFile(String path, Options options) {
        try {
            return of(javax.imageio.ImageIO.read(new java.io.File(path)));
        } catch (java.io.IOException error) {
            return null;
        }
    }

    public static Bitmap decodeStream(InputStream stream) {
        try {
            return of(javax.imageio.ImageIO.read(stream));
        } catch (java.io.IOException error) {
            return null;
        }
    }

    private static Bitmap of(java.awt.image.BufferedImage image) {
        if (image == null) return null;
        Bitmap bitmap = Bitmap.createBitmap(image.getWidth(), image.getHeight(), Bitmap.Config.ARGB_8888);
        int bands = image.getRaster().getNumBands();
        int[] row = new int[image.getWidth()];
        for (int y = 0; y < image.getHeight(); y++) {
            for (int x = 0; x < row.length; x++) {
                int number = 0xFF;
                for (int band = 0; band < 3; band++) number = number << 8 | image.getRaster().getSample(x, y, bands == 1 ? 0 : band);
                row[x] = number;
            }
            bitmap.setPixels(row, 0, row.length, 0, y, row.length, 1);
        }
        return bitmap;
    }
}
