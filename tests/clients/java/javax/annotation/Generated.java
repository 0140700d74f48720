package javax.annotation;

/** Stands in for the annotation of that name, which Java no longer has: generated code carries it, nothing reads it. */
public @interface Generated {
    /** What made it. */
    String[] value();

    /** When. */
    String date() default "";

    /** What more there is to say. */
    String comments() default "";
}
