// TEST STUB of the Kotlin API of LiteRT 2: computes what a test tells it to.
package com.google.ai.edge.litert

enum class Accelerator { NONE, CPU, GPU, NPU }

class LiteRtException(message: String) : Exception(message)

class TensorBuffer internal constructor(private var values: FloatArray) : AutoCloseable {
    fun writeFloat(data: FloatArray) {
        values = data.copyOf()
    }

    fun readFloat(): FloatArray = values.copyOf()

    override fun close() = Unit
}

class CompiledModel private constructor(private val path: String, private val options: Options) : AutoCloseable {
    data class GpuOptions(val precision: Precision? = null) {
        enum class Precision { DEFAULT, FP16, FP32 }
    }

    class Options(vararg val accelerators: Accelerator) {
        var gpuOptions: GpuOptions? = null
    }

    fun createInputBuffer(inputName: String, signature: String? = null): TensorBuffer = TensorBuffer(FloatArray(0))

    fun createOutputBuffer(outputName: String, signature: String? = null): TensorBuffer = TensorBuffer(FloatArray(0))

    fun run(inputs: Map<String, TensorBuffer>, outputs: Map<String, TensorBuffer>, signature: String? = null) {
        val found = stubBackend!!(path, options, inputs.mapValues { it.value.readFloat() }, signature)
        outputs.forEach { (name, buffer) -> buffer.writeFloat(found.getValue(name)) }
    }

    override fun close() = Unit

    companion object {
        var stubBackend: ((String, Options, Map<String, FloatArray>, String?) -> Map<String, FloatArray>)? = null

        fun create(filePath: String, options: Options): CompiledModel {
            if (stubBackend == null) throw LiteRtException("no GPU here")
            return CompiledModel(filePath, options)
        }
    }
}
