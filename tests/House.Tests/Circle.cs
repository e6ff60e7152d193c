// A circle of namespaces made on purpose: the test that looks for circles must find this one.
namespace Posthorn.House.Tests.CircleLeft
{
    internal sealed class Egg
    {
        public static string Word => "egg";

        public static int Length() => CircleRight.Hen.Word.Length;
    }
}

namespace Posthorn.House.Tests.CircleRight
{
    internal sealed class Hen
    {
        public static string Word => "hen";

        public static List<CircleLeft.Egg> Lay() => [];
    }
}
