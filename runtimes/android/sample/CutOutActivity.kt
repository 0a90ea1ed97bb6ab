package pamedge.sample

import android.app.Activity
import android.content.Intent
import android.graphics.BitmapFactory
import android.media.ExifInterface
import android.net.Uri
import android.os.Bundle
import android.widget.ImageView
import android.widget.Toast
import com.google.android.gms.tasks.Task
import com.google.mlkit.vision.common.InputImage
import com.google.mlkit.vision.segmentation.subject.SubjectSegmentation
import com.google.mlkit.vision.segmentation.subject.SubjectSegmenterOptions
import java.io.IOException
import kotlin.coroutines.resume
import kotlin.coroutines.resumeWithException
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.Job
import kotlinx.coroutines.MainScope
import kotlinx.coroutines.cancel
import kotlinx.coroutines.launch
import kotlinx.coroutines.suspendCancellableCoroutine
import kotlinx.coroutines.withContext
import pamedge.Budget
import pamedge.Matter
import pamedge.MatterException
import pamedge.Orientation
import pamedge.Region
import pamedge.Rgb
import pamedge.android.DeviceConditions
import pamedge.android.LiteRtEngines
import pamedge.android.openMatter
import pamedge.android.toBitmap
import pamedge.android.toMask
import pamedge.android.toRgb

/**
 * Tap, pick a photograph, see its subject cut out: ML Kit finds the subject, the network of `assets/model` its edge.
 *
 * Needs `com.google.android.gms:play-services-mlkit-subject-segmentation`, `com.google.ai.edge.litert:litert` and
 * `kotlinx-coroutines-android` beside this library.
 */
public class CutOutActivity : Activity() {
    private val scope: CoroutineScope = MainScope()
    private lateinit var view: ImageView
    private lateinit var conditions: DeviceConditions
    private var matter: Matter? = null
    private var running: Job? = null

    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        conditions = DeviceConditions(application)
        view = ImageView(this)
        view.setContentDescription("Pick a photograph")
        view.setOnClickListener { pick() }
        setContentView(view)
        // While nobody waits: the files are checked, the GPU is tested at the first launch, the model is loaded.
        scope.launch { sayingWhatIsWrong { opened().prepare() } }
    }

    override fun onDestroy() {
        scope.cancel()
        super.onDestroy()
    }

    private fun pick() {
        val intent = Intent(Intent.ACTION_OPEN_DOCUMENT).addCategory(Intent.CATEGORY_OPENABLE).setType("image/*")
        @Suppress("DEPRECATION") // its successor is in a library that this sample does without
        startActivityForResult(intent, PICK)
    }

    @Deprecated("Android's own word")
    override fun onActivityResult(requestCode: Int, resultCode: Int, data: Intent?) {
        val uri = data?.data?.takeIf { requestCode == PICK && resultCode == RESULT_OK } ?: return
        running?.cancel() // ends after the tile that it is at
        running = scope.launch { sayingWhatIsWrong { show(uri) } }
    }

    private suspend fun show(uri: Uri) {
        val image = withContext(Dispatchers.IO) { read(uri) }
        val mask = subject(image)
        val cutOut = opened().cutOut(image, mask, Budget.Deadline(DEADLINE_MS))
        view.setImageBitmap(cutOut.toBitmap())
        view.setContentDescription("The subject, cut out in ${cutOut.totalMs.toInt()} ms by ${cutOut.unit}")
    }

    private suspend fun opened(): Matter = matter ?: withContext(Dispatchers.IO) {
        // ExecuTorchEngines, where the bundle is of ExecuTorch.
        openMatter(this@CutOutActivity, "model", LiteRtEngines(this@CutOutActivity), conditions::now)
    }.also { matter = it }

    private fun read(uri: Uri): Rgb {
        val exif = open(uri) { ExifInterface(it).getAttributeInt(ExifInterface.TAG_ORIENTATION, 1) }
        val bitmap = open(uri) { BitmapFactory.decodeStream(it) } ?: throw IOException("This is no picture that Android reads.")
        return bitmap.toRgb(Orientation.of(exif))
    }

    private fun <T> open(uri: Uri, read: (java.io.InputStream) -> T): T =
        (contentResolver.openInputStream(uri) ?: throw IOException("The picture cannot be opened.")).use(read)

    /** ML Kit's confidence that a pixel is the subject's, as a mask. */
    private suspend fun subject(image: Rgb): Region {
        val options = SubjectSegmenterOptions.Builder().enableForegroundConfidenceMask().build()
        SubjectSegmentation.getClient(options).use { client ->
            val found = client.process(InputImage.fromBitmap(image.toBitmap(), 0)).await()
            val confidences = found.foregroundConfidenceMask ?: throw IOException("ML Kit found no subject.")
            return Region.Mask(confidences.toMask(image.width, image.height))
        }
    }

    private suspend fun sayingWhatIsWrong(work: suspend () -> Unit) {
        try {
            work()
        } catch (error: MatterException) {
            say(error.message)
        } catch (error: IOException) {
            say(error.message)
        }
    }

    private fun say(message: String?): Unit = Toast.makeText(this, message ?: "Something went wrong.", Toast.LENGTH_LONG).show()

    private companion object {
        const val PICK = 1
        const val DEADLINE_MS = 500.0
    }
}

private suspend fun <T> Task<T>.await(): T = suspendCancellableCoroutine { waiting ->
    addOnSuccessListener { waiting.resume(it) }
    addOnFailureListener { waiting.resumeWithException(IOException("ML Kit: ${it.message}", it)) }
}
