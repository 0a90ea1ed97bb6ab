package pamedge

/** What kind of thing is wrong, for an app to decide by; the message is for a person. */
public enum class Problem(public val word: String) {
    /** The picture, mask or trimap cannot be used. */
    INPUT("input"),

    /** The bundle is missing or damaged, or does not suit this device's runtime. */
    DAMAGED("damaged"),

    /** The bundle was written by a newer pam-edge than this library reads. */
    NEWER("newer"),

    /** A file is not the one that was delivered. */
    CHANGED("changed"),

    /** A compute unit could not load or run the model. */
    ENGINE("engine"),

    /** Nothing may run now: the app is not in front, and the unit that is right here may not be used then. */
    NOT_NOW("not now"),

    /** No compute unit of this device computes what it should. */
    NO_RIGHT_UNIT("no right unit"),
}

/**
 * Every error of this library. The [message] says in one paragraph what was expected, what was found and what to do.
 *
 * @property problem what kind of thing is wrong.
 */
public class MatterException(public val problem: Problem, message: String, cause: Throwable? = null) :
    Exception(message, cause)

internal fun badInput(message: String): Nothing = throw MatterException(Problem.INPUT, message)

internal fun badBundle(message: String, cause: Throwable? = null): Nothing =
    throw MatterException(Problem.DAMAGED, message, cause)
