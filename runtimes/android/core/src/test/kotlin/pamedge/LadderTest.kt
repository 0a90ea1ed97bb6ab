package pamedge

import org.junit.Assert.assertEquals
import org.junit.Assert.assertNull
import org.junit.Test

class LadderTest {
    private val cpu = Trial("cpu", null, true, 40.0)

    @Test
    fun aUnitThatIsRightAndFasterThanTheCpuIsUsed() {
        assertEquals("gpu", Ladder.decide(listOf(Trial("gpu", null, true, 10.0), cpu)).unit)
    }

    @Test
    fun aWrongGpuIsSteppedOver() {
        val verdict = Ladder.decide(listOf(Trial("gpu", null, false, 10.0), cpu))
        assertEquals(Verdict("cpu", listOf(Step("gpu", Fault.WRONG))), verdict)
    }

    @Test
    fun whereNothingIsRightNothingIsUsed() {
        assertNull(Ladder.decide(listOf(cpu.copy(isRight = false))).unit)
    }
}
